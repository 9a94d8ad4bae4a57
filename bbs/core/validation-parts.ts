import type {
  Action,
  Check,
  CheckDefinition,
  EnvironmentVariable,
  VolumeMountedFile,
} from '../../common/model/action.js';
import type {
  CachedDependency,
  ImageLayer,
  LogRateLimit,
  MetricTagValue,
  Routes,
  SecurityGroupRule,
  Sidecar,
  VolumeMount,
} from '../../common/model/lrp.js';
import { isCidr, isIp, isIpRange } from './addresses.js';
import { field, nested, problemsIn, required } from './problems.js';
import type { Problems } from './problems.js';
import { isLonger } from './text.js';
import { checkAction, checkChecksum, INVALID_ACTION_TYPE } from './validation-actions.js';

const MAX_ANNOTATION = 10 * 1024;
const MAX_ROUTES = 128 * 1024;
const MAX_MOUNTED_FILES = 1024 * 1024;
const GUID = /^[a-zA-Z0-9_-]+$/;

export const isGuid = (text: string): boolean => GUID.test(text);

/** Tells the fields that are below zero, in the order given. */
export const notNegative = (fields: Record<string, number>): Problems =>
  problemsIn(fields, (value) => value < 0);

export const checkAnnotation = (annotation: string): Problems =>
  isLonger([annotation], MAX_ANNOTATION) ? field('annotation') : [];

export const checkRoutes = (routes: Routes): Problems =>
  isLonger(Object.values(routes), MAX_ROUTES) ? field('routes') : [];

/** The root file system is a URL with a scheme. */
export const hasScheme = (rootfs: string): boolean => /^[a-zA-Z][a-zA-Z0-9+.-]*:[^\s\p{Cc}]*$/u.test(rootfs);

export const checkImageCredentials = (username: string, password: string): Problems => {
  if (username === '' && password !== '') return field('image_username');
  return username !== '' && password === '' ? field('image_password') : [];
};

export const checkEnv = (env: readonly EnvironmentVariable[]): Problems =>
  env.flatMap(({ name }) => (name === '' ? ['invalid field: name cannot be blank'] : []));

/** `name` as the original calls it, which is not the same everywhere. */
export const checkLogRateLimit = (limit: LogRateLimit | undefined, name = 'log_rate_limit'): Problems =>
  limit && limit.bytesPerSecond < -1 ? field(name) : [];

const checkCachedDependency = (dependency: CachedDependency): Problems => {
  const { from, to } = dependency;
  return nested('cached_dependency', [...required({ from, to }), ...checkChecksum(dependency)]);
};

export const checkCachedDependencies = (list: readonly CachedDependency[]): Problems =>
  list.flatMap(checkCachedDependency);

const checkImageLayer = (layer: ImageLayer): Problems => {
  const hasAlgorithm = layer.digestAlgorithm !== 'DigestAlgorithmInvalid';
  const hasValue = layer.digestValue !== '';
  const exclusive = layer.layerType === 'EXCLUSIVE';
  return nested('image_layer', [
    ...(layer.url === '' ? field('url') : []),
    ...(layer.destinationPath === '' ? field('destination_path') : []),
    ...(layer.layerType === 'LayerTypeInvalid' ? field('layer_type') : []),
    ...(layer.mediaType === 'MediaTypeInvalid' ? field('media_type') : []),
    ...(!hasAlgorithm && (hasValue || exclusive) ? field('digest_algorithm') : []),
    ...(!hasValue && (hasAlgorithm || exclusive) ? field('digest_value') : []),
  ]);
};

export const checkImageLayers = (layers: readonly ImageLayer[], downloadUser: string): Problems => [
  ...layers.flatMap(checkImageLayer),
  ...(downloadUser === '' && layers.some((layer) => layer.layerType === 'EXCLUSIVE')
    ? field('legacy_download_user')
    : []),
];

/** An action that must be there. */
export const checkNeededAction = (action: Action | undefined): Problems =>
  action ? nested('action', checkAction(action)) : [INVALID_ACTION_TYPE];

const checkSidecar = ({ action, memoryMb, diskMb }: Sidecar): Problems => [
  ...checkNeededAction(action),
  ...notNegative({ memory_mb: memoryMb, disk_mb: diskMb }),
];

export const checkSidecars = (sidecars: readonly Sidecar[]): Problems =>
  nested('sidecars', sidecars.flatMap(checkSidecar));

export const checkVolumeMount = ({ driver, mode, shared, dedicated }: VolumeMount): Problems => [
  ...(driver === '' ? ['invalid volume_mount driver'] : []),
  ...(mode === 'r' || mode === 'rw' ? [] : ['invalid volume_mount mode']),
  ...(shared && shared.volumeId === '' ? ['invalid volume_mount volume id'] : []),
  ...(dedicated && dedicated.mounterId === '' ? ['invalid volume_mount mounter id'] : []),
];

const isPort = (port: number): boolean => port >= 1 && port <= 65_535;

const checkOneCheck = ({ tcpCheck, httpCheck }: Check): Problems => {
  const only = tcpCheck && httpCheck ? undefined : (tcpCheck ?? httpCheck);
  if (!only) return field('check');
  return isPort(only.port) ? [] : field('port');
};

export const checkCheckDefinition = (definition: CheckDefinition | undefined): Problems =>
  definition
    ? nested('check_definition', [...definition.checks, ...definition.readinessChecks].flatMap(checkOneCheck))
    : [];

export const checkMountedFiles = (files: readonly VolumeMountedFile[]): Problems =>
  files.length > 0 &&
  isLonger(
    files.map((file) => file.content),
    MAX_MOUNTED_FILES,
  )
    ? field('volumeMountedFiles')
    : [];

const isDynamic = ({ dynamic }: MetricTagValue): boolean => dynamic !== 'DynamicValueInvalid';

export const checkMetricTags = (tags: Record<string, MetricTagValue>, metricsGuid: string): Problems => {
  const problems = Object.values(tags).flatMap((value) =>
    isDynamic(value) === (value.static !== '') ? [...field('static'), ...field('dynamic')] : [],
  );
  if (metricsGuid !== '' && tags['source_id']?.static !== metricsGuid) {
    problems.push(...field('source_id should match metrics_guid'));
  }
  return nested('metric_tags', problems);
};

/** Whichever of `-` and `/` comes first says what it is. */
const checkDestination = (text: string): Problems => {
  const at = text.search(/[-/]/);
  if (text[at] === '/') return isCidr(text) ? [] : [`invalid CIDR address: ${text}`];
  const right = at < 0 ? isIp(text) : isIpRange(text.slice(0, at), text.slice(at + 1));
  return right ? [] : ['Invalid IP'];
};

const checkDestinations = (destinations: readonly string[]): Problems => {
  if (destinations.length === 0) return ['Must have at least 1 destination'];
  const problems = destinations.flatMap((entry) => entry.split(',')).flatMap(checkDestination);
  return problems.length === 0 ? [] : field(`destinations [ ${problems.join(', ')} ]`);
};

const checkRulePorts = ({ ports, portRange }: SecurityGroupRule): Problems => {
  if (portRange && ports.length > 0) return ['Invalid: ports and port_range provided'];
  if (portRange) {
    const { start, end } = portRange;
    return [start < 1, end < 1, start > end].flatMap((wrong) => (wrong ? field('port_range') : []));
  }
  if (ports.length === 0) return ['Missing required field: ports or port_range'];
  return ports.flatMap((port) => (port < 1 ? field('ports') : []));
};

const withoutPorts = ({ ports, portRange }: SecurityGroupRule): Problems => [
  ...(portRange ? field('port_range') : []),
  ...(ports.length > 0 ? field('ports') : []),
];

const checkProtocol = (rule: SecurityGroupRule): Problems => {
  const noIcmp = rule.icmpInfo ? field('icmp_info') : [];
  switch (rule.protocol) {
    case 'tcp':
    case 'udp':
      return [...checkRulePorts(rule), ...noIcmp];
    case 'icmp':
    case 'icmpv6':
      return [...withoutPorts(rule), ...(rule.icmpInfo ? [] : field(`${rule.protocol}_info`))];
    case 'all':
      return [...withoutPorts(rule), ...noIcmp];
    default:
      return field('protocol');
  }
};

const checkEgressRule = (rule: SecurityGroupRule): Problems =>
  nested('egress_rules', [...checkProtocol(rule), ...checkDestinations(rule.destinations)]);

export const checkEgressRules = (rules: readonly SecurityGroupRule[]): Problems =>
  rules.flatMap(checkEgressRule);
