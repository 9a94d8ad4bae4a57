import t from 'tap';
import type { Action } from '../../../common/model/action.js';
import type { DesiredLrp, SecurityGroupRule } from '../../../common/model/lrp.js';
import type { TaskDefinition } from '../../../common/model/task.js';
import { fromJson } from '../../../common/wire/codec.js';
import { isCidr, isIp } from '../../../bbs/core/addresses.js';
import {
  checkDesiredLrp,
  checkTask,
  checkTransition,
  checkUpdate,
  claimProblems,
  slotProblems,
  transitionProblems,
} from '../../../bbs/core/validation.js';
import type { TransitionParts } from '../../../bbs/core/validation.js';
import { desiredLrp, KEY, must, netInfo, ONE, taskDefinition } from '../../support/bbs.js';

const problem = (overrides: Partial<DesiredLrp>): string =>
  checkDesiredLrp(desiredLrp(overrides))?.message ?? '';
const fields = (...names: string[]): string => names.map((name) => `Invalid field: ${name}`).join(', ');
const run = {
  run: must(fromJson('TaskDefinition', { action: { run: { path: '/x', user: 'u' } } })).action!.run!,
};

t.test('validation - a desired LRP that is right', async (t) => {
  t.equal(checkDesiredLrp(desiredLrp()), undefined);
  t.equal(problem({ rootfs: 'docker:///busybox' }), '');
  t.equal(problem({ rootfs: 'preloaded+layer:cflinuxfs4?layer=http://x/y.tgz' }), '');
});

t.test('validation - several problems come in the order of the original', async (t) => {
  const { action, ...lrp } = desiredLrp({ domain: '', rootfs: '', memoryMb: -1 });
  t.ok(action);
  t.equal(
    checkDesiredLrp(lrp)?.message,
    'Invalid field: domain, Invalid field: rootfs, Invalid field: rootfs, Invalid field: memory_mb, Invalid field: domain, invalid action type',
  );
  const { action: none, ...definition } = taskDefinition({ rootfs: '' });
  t.ok(none);
  t.equal(
    checkTask({ taskGuid: '', domain: '', definition })?.message,
    'Invalid field: task_guid, Invalid field: domain, Invalid field: rootfs, invalid action type',
  );
});

t.test('validation - single fields of a desired LRP', async (t) => {
  const cases: [Partial<DesiredLrp>, string][] = [
    [{ processGuid: '' }, fields('process_guid')],
    [{ processGuid: 'a.b' }, fields('process_guid')],
    [{ rootfs: 'no-scheme' }, fields('rootfs')],
    [{ instances: -1 }, fields('instances')],
    [{ diskMb: -1 }, fields('disk_mb')],
    [{ maxPids: -1 }, fields('max_pids')],
    [{ annotation: 'x'.repeat(10_241) }, fields('annotation')],
    [{ annotation: 'x'.repeat(10_240) }, ''],
    [{ routes: { a: 'x'.repeat(65_536), b: 'y'.repeat(65_537) } }, fields('routes')],
    [{ metricTags: {} }, fields('metric_tags')],
    [{ metricsGuid: 'other' }, fields('metric_tags', 'source_id should match metrics_guid')],
    [
      { metricTags: { a: { static: '', dynamic: 'DynamicValueInvalid' } } },
      fields('metric_tags', 'static', 'dynamic'),
    ],
    [{ metricTags: { a: { static: 'x', dynamic: 'INDEX' } } }, fields('metric_tags', 'static', 'dynamic')],
    [{ logRateLimit: { bytesPerSecond: -2 } }, fields('log_rate_limit_bytes_per_second', 'log_rate_limit')],
    [
      { volumeMountedFiles: [{ path: 'a', content: 'x'.repeat(1024 * 1024 + 1) }] },
      fields('volumeMountedFiles'),
    ],
    [{ env: [{ name: '', value: 'x' }] }, 'invalid field: name cannot be blank'],
    [{ imageUsername: 'u' }, fields('image_password')],
    [{ imagePassword: 'p' }, fields('image_username')],
    [{ setup: {} }, fields('setup', 'inner-action')],
    [{ monitor: { run: { ...run.run, path: '' } } }, fields('monitor', 'path')],
    [{ sidecars: [{ diskMb: 0, memoryMb: 0 }] }, 'Invalid field: sidecars, invalid action type'],
    [
      {
        sidecars: [
          { action: run, diskMb: -1, memoryMb: -1 },
          { diskMb: 0, memoryMb: 0 },
        ],
      },
      'Invalid field: sidecars, Invalid field: memory_mb, Invalid field: disk_mb, invalid action type',
    ],
    [
      { checkDefinition: { checks: [{}], logSource: '', readinessChecks: [] } },
      fields('check_definition', 'check'),
    ],
    [
      {
        checkDefinition: {
          checks: [],
          logSource: '',
          readinessChecks: [{ tcpCheck: { port: 65_536, connectTimeoutMs: 0, intervalMs: 0 } }],
        },
      },
      fields('check_definition', 'port'),
    ],
    [
      {
        volumeMounts: [
          { driver: '', containerDir: '/d', mode: 'x', shared: { volumeId: '', mountConfig: '' } },
        ],
      },
      'invalid volume_mount driver, invalid volume_mount mode, invalid volume_mount volume id',
    ],
  ];
  for (const [overrides, expected] of cases)
    t.equal(problem(overrides), expected, JSON.stringify(overrides).slice(0, 80));
});

t.test('validation - cached dependencies and image layers', async (t) => {
  const dependency = {
    name: '',
    from: 'f',
    to: 't',
    cacheKey: '',
    logSource: '',
    checksumAlgorithm: '',
    checksumValue: '',
  };
  const withDependency = (over: object) => problem({ cachedDependencies: [{ ...dependency, ...over }] });
  t.equal(withDependency({}), '');
  t.equal(withDependency({ from: '', to: '' }), fields('cached_dependency', 'from', 'to'));
  t.equal(withDependency({ checksumValue: 'x' }), fields('cached_dependency', 'checksum algorithm'));
  t.equal(withDependency({ checksumAlgorithm: 'md5' }), fields('cached_dependency', 'checksum value'));
  t.equal(
    withDependency({ checksumAlgorithm: 'crc', checksumValue: 'x' }),
    fields('cached_dependency', 'invalid algorithm'),
  );
  const layer = must(
    fromJson('TaskDefinition', {
      image_layers: [{ url: 'u', destination_path: 'd', layer_type: 'SHARED', media_type: 'TGZ' }],
    }),
  ).imageLayers[0]!;
  t.equal(problem({ imageLayers: [layer] }), '');
  t.equal(
    problem({ imageLayers: [{ ...layer, layerType: 'EXCLUSIVE' }] }),
    fields('image_layer', 'digest_algorithm', 'digest_value', 'legacy_download_user'),
  );
  t.equal(
    problem({ imageLayers: [{ ...layer, digestValue: 'x' }] }),
    fields('image_layer', 'digest_algorithm'),
  );
});

t.test('validation - every kind of action', async (t) => {
  const wrong = (action: Action) => problem({ action });
  const list = { actions: [], logSource: '' };
  t.equal(wrong({}), fields('action', 'inner-action'));
  t.equal(wrong({ run: { ...run.run, path: '', user: '' } }), fields('action', 'path', 'user'));
  t.equal(wrong({ try: { logSource: '' } }), fields('action', 'action'));
  t.equal(wrong({ timeout: { action: run, logSource: '', timeoutMs: 0 } }), fields('action', 'timeout_ms'));
  t.equal(wrong({ parallel: list }), fields('action', 'actions'));
  t.equal(wrong({ serial: { ...list, actions: [run, { codependent: list }] } }), fields('action', 'actions'));
  t.equal(
    wrong({ try: { action: { timeout: { action: {}, logSource: '', timeoutMs: 0 } }, logSource: '' } }),
    fields('action', 'inner-action', 'timeout_ms'),
    'what is wrong inside is told without the way to it, and an empty action is none',
  );
  t.equal(
    wrong({ upload: { artifact: '', from: '', to: '', logSource: '', user: '' } }),
    fields('action', 'to', 'from', 'user'),
  );
});

t.test('validation - egress rules', async (t) => {
  const rule: SecurityGroupRule = {
    protocol: 'tcp',
    destinations: ['10.0.0.0/8'],
    ports: [80],
    log: false,
    annotations: [],
  };
  const wrong = (over: Partial<SecurityGroupRule>) => problem({ egressRules: [{ ...rule, ...over }] });
  const said = (text: string) => `Invalid field: egress_rules, ${text}`;
  t.equal(wrong({}), '');
  t.equal(wrong({ destinations: ['10.0.0.1-10.0.0.9,::1,fd00::/8'] }), '');
  t.equal(wrong({ protocol: 'all', ports: [] }), '');
  t.equal(wrong({ protocol: 'icmp', ports: [], icmpInfo: { type: 8, code: 0 } }), '');
  t.equal(wrong({ protocol: 'sctp' }), said(fields('protocol')));
  t.equal(wrong({ ports: [] }), said('Missing required field: ports or port_range'));
  t.equal(wrong({ portRange: { start: 1, end: 2 } }), said('Invalid: ports and port_range provided'));
  t.equal(wrong({ ports: [], portRange: { start: 9, end: 2 } }), said(fields('port_range')));
  t.equal(wrong({ protocol: 'icmp', ports: [] }), said(fields('icmp_info')));
  t.equal(wrong({ ports: [], portRange: { start: 5, end: 0 } }), said(fields('port_range', 'port_range')));
  t.equal(wrong({ ports: [0, 80, 0] }), said(fields('ports', 'ports')));
  t.equal(wrong({ protocol: 'icmpv6', ports: [] }), said(fields('icmpv6_info')));
  for (const range of ['10.0.0.9-10.0.0.1', '::2-::1', '10.0.0.1-', '1::-::ffff:9.9.9.9', '1-2-3']) {
    t.equal(wrong({ destinations: [range] }), said('Invalid field: destinations [ Invalid IP ]'), range);
  }
  for (const range of ['10.0.0.9-10.0.0.9', '::1-::2', '9.9.9.9-1::', '1.2.3.4-::ffff:1.2.3.5']) {
    t.equal(wrong({ destinations: [range] }), '', range);
  }
  t.equal(wrong({ destinations: [] }), said('Must have at least 1 destination'));
  t.equal(wrong({ destinations: ['nowhere'] }), said('Invalid field: destinations [ Invalid IP ]'));
  t.match(wrong({ destinations: ['10.0.0.0/33'] }), 'invalid CIDR address');
});

t.test('validation - addresses', async (t) => {
  for (const good of [
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1:2',
    '1:2:3:4:5:6:7:8',
    '::ffff:1.2.3.4',
  ]) {
    t.ok(isIp(good), good);
  }
  for (const bad of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    '1::2::3',
  ]) {
    t.notOk(isIp(bad), bad);
  }
  t.ok(isCidr('10.0.0.0/8') && isCidr('::/0'));
  t.notOk(isCidr('10.0.0.0') || isCidr('10.0.0.0/') || isCidr('10.0.0.0/8/8') || isCidr('::/129'));
});

t.test('validation - order of problems in a desired LRP', async (t) => {
  t.equal(
    problem({
      domain: '',
      rootfs: 'x',
      instances: -1,
      memoryMb: -1,
      diskMb: -1,
      maxPids: -1,
      logRateLimit: { bytesPerSecond: -2 },
      annotation: 'x'.repeat(10_241),
      metricTags: {},
      processGuid: 'a b',
      action: {},
      imageUsername: 'u',
    }),
    fields(
      'domain',
      'rootfs',
      'instances',
      'memory_mb',
      'disk_mb',
      'log_rate_limit_bytes_per_second',
      'annotation',
      'max_pids',
      'metric_tags',
      'domain',
      'process_guid',
      'action',
      'inner-action',
      'image_password',
      'log_rate_limit',
    ),
  );
});

t.test('validation - tasks', async (t) => {
  const wrong = (overrides: Partial<TaskDefinition>) =>
    checkTask({ taskGuid: 'a', domain: 'd', definition: taskDefinition(overrides) })?.message ?? '';
  t.equal(wrong({}), '');
  t.equal(
    checkTask({ taskGuid: 'a b', domain: '' })?.message,
    fields('task_guid', 'domain', 'task_definition'),
  );
  t.equal(
    wrong({ memoryMb: -1, diskMb: -1, maxPids: -1, logRateLimit: { bytesPerSecond: -2 } }),
    fields('memory_mb', 'disk_mb', 'log_rate_limit', 'max_pids'),
  );
  const rule = { protocol: 'no', destinations: [], ports: [], log: false, annotations: [] };
  t.equal(wrong({ egressRules: [rule] }), fields('egress_rules'), 'without what is wrong with it');
  t.equal(wrong({ imagePassword: 'p' }), fields('image_username'));
  t.equal(wrong({ metricTags: {}, env: [{ name: '', value: '' }] }), '', 'not looked at');
});

t.test('validation - updates and transitions', async (t) => {
  t.equal(checkUpdate({}), undefined);
  t.equal(checkUpdate({ instances: -1 })?.message, fields('instances'));
  t.equal(checkUpdate({ imageUsername: 'u' })?.message, fields('image_password'));
  t.equal(checkTransition({ key: KEY, instanceKey: ONE, netInfo: netInfo() }), undefined);
  t.equal(
    checkTransition({
      key: { processGuid: '', index: -1, domain: '' },
      instanceKey: { instanceGuid: '', cellId: '' },
      netInfo: netInfo(''),
    })?.message,
    fields('process_guid', 'index', 'domain', 'cell_id', 'instance_guid', 'address'),
  );
  t.equal(
    checkTransition({ key: KEY, errorMessage: '' })?.message,
    fields('error_message'),
    'only what is there is looked at',
  );
});

t.test('validation - requests about one actual LRP, and what is missing of them', async (t) => {
  const problems = (parts: TransitionParts) =>
    transitionProblems(parts, ['errorMessage', 'netInfo', 'instanceKey', 'key']).join(', ');
  t.equal(
    problems({}),
    fields('actual_lrp_key', 'actual_lrp_instance_key', 'actual_lrp_net_info', 'error_message'),
  );
  t.equal(
    problems({ key: { ...KEY, index: -1 }, netInfo: netInfo(''), errorMessage: 'x' }),
    fields('index', 'actual_lrp_instance_key', 'address'),
  );
  t.same(transitionProblems({}, ['key']), ['Invalid field: actual_lrp_key']);
  t.equal(claimProblems({ processGuid: '' }).join(', '), fields('process_guid', 'actual_lrp_instance_key'));
  t.same(claimProblems({ processGuid: 'no guid', instanceKey: ONE }), []);
  t.equal(slotProblems({ processGuid: '', index: -1 }).join(', '), fields('process_guid', 'index'));
});
