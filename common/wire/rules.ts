import { HAPPENINGS } from '../model/history.js';

/**
 * What the .proto files cannot say: where the model and the JSON form differ from the protobuf form.
 * All names in the lists are proto field names. The JSON keys are Diego's (Go's `encoding/json` over its
 * models), not protobuf's own JSON mapping.
 */
export interface MessageRules {
  /** Property in the model where it is not the camelCase of the proto name. */
  readonly names?: Readonly<Record<string, string>>;
  /** JSON key where it is not the proto name. */
  readonly json?: Readonly<Record<string, string>>;
  /** Left out of the JSON when empty (Go's `omitempty`); everything else is always printed. */
  readonly omit?: readonly string[];
  /** Sub-messages whose fields belong to the parent, in the model and in JSON. */
  readonly embed?: readonly string[];
  /** Sub-messages that the model always has: always written, and filled when they were not. */
  readonly always?: readonly string[];
  /** Maps that may be absent in the model. On the wire an empty one and an absent one are the same. */
  readonly optional?: readonly string[];
  /** Maps that the model has as a `Map`: many, with keys of their own, which cost an object several times as much. */
  readonly maps?: readonly string[];
  /** Old fields that the model has no place for: read over, and written only for those who know no newer ones. */
  readonly ignore?: readonly string[];
  /** Strings with a fixed set of values; the first stands for absent. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  /** Enums that JSON writes as a number. */
  readonly numeric?: readonly string[];
  /** The model's value is the message's only map. */
  readonly unwrap?: true;
}

const words = (text: string): string[] => text.split(' ');

const BUILDING_BLOCKS: Record<string, MessageRules> = {
  RunAction: { omit: words('args dir env log_source') },
  DownloadAction: { omit: words('artifact log_source checksum_algorithm checksum_value') },
  UploadAction: { omit: words('artifact log_source') },
  TimeoutAction: {
    json: { deprecated_timeout_ns: 'timeout' },
    omit: ['log_source'],
    ignore: ['deprecated_timeout_ns'],
  },
  EmitProgressAction: { omit: ['log_source'] },
  TryAction: { omit: ['log_source'] },
  ParallelAction: { omit: words('actions log_source') },
  SerialAction: { omit: words('actions log_source') },
  CodependentAction: { omit: words('actions log_source') },
  Action: {
    names: {
      download_action: 'download',
      upload_action: 'upload',
      run_action: 'run',
      timeout_action: 'timeout',
      emit_progress_action: 'emitProgress',
      try_action: 'try',
      parallel_action: 'parallel',
      serial_action: 'serial',
      codependent_action: 'codependent',
    },
    json: {
      download_action: 'download',
      upload_action: 'upload',
      run_action: 'run',
      timeout_action: 'timeout',
      emit_progress_action: 'emit_progress',
      try_action: 'try',
      parallel_action: 'parallel',
      serial_action: 'serial',
      codependent_action: 'codependent',
    },
  },
  TCPCheck: { omit: words('connect_timeout_ms interval_ms') },
  HTTPCheck: { omit: words('request_timeout_ms interval_ms') },
  CheckDefinition: { omit: words('checks readiness_checks') },
  ProtoRoutes: { unwrap: true },
  MetricTagValue: { omit: words('static dynamic') },
  SecurityGroupRule: { omit: words('protocol destinations ports annotations') },
  CachedDependency: { omit: words('checksum_algorithm checksum_value') },
  ImageLayer: { omit: words('name digest_algorithm digest_value') },
  Network: { omit: ['properties'] },
  CertificateProperties: { omit: ['organizational_unit'] },
  LogRateLimit: { omit: ['bytes_per_second'] },
};

const STATES = { state: words('UNCLAIMED CLAIMED RUNNING CRASHED') };

const RECORDS: Record<string, MessageRules> = {
  DesiredLRP: {
    names: { root_fs: 'rootfs', environment_variables: 'env' },
    json: {
      root_fs: 'rootfs',
      environment_variables: 'env',
      deprecated_start_timeout_s: 'deprecated_timeout_ns',
      PlacementTags: 'placement_tags',
      cpu_milli: 'cpu-milli',
    },
    omit: words(
      'ports egress_rules cached_dependencies legacy_download_user trusted_system_certificates_path' +
        ' volume_mounts PlacementTags image_username image_password image_layers metric_tags sidecars cpu_milli',
    ),
    always: words('routes modification_tag'),
    ignore: ['deprecated_start_timeout_s'],
    numeric: ['update_strategy'],
  },
  DesiredLRPUpdate: { optional: ['metric_tags'] },
  ActualLRPNetInfo: { omit: words('instance_address instance_ipv6_address') },
  ActualLRP: {
    names: { actual_lrp_internal_routes: 'internalRoutes' },
    omit: words('crash_reason placement_error actual_lrp_internal_routes metric_tags'),
    embed: words('actual_lrp_key actual_lrp_instance_key actual_lrp_net_info'),
    always: ['modification_tag'],
    values: STATES,
  },
  TaskDefinition: {
    names: { root_fs: 'rootfs', environment_variables: 'env' },
    json: { root_fs: 'rootfs', environment_variables: 'env', cpu_milli: 'cpu-milli' },
    omit: words(
      'environment_variables completion_callback_url annotation egress_rules cached_dependencies' +
        ' legacy_download_user trusted_system_certificates_path volume_mounts placement_tags image_layers' +
        ' metric_tags cpu_milli',
    ),
  },
  Task: { embed: ['task_definition'] },
  Provider: { omit: ['properties'] },
  CellPresence: {
    json: { rootfs_providers: 'rootfs_provider_list' },
    omit: words('rootfs_providers placement_tags optional_placement_tags'),
    always: ['capacity'],
  },
};

const EVENTS: Record<string, MessageRules> = {
  ActualLRPInfo: {
    omit: words('crash_reason placement_error'),
    embed: ['actual_lrp_net_info'],
    always: ['modification_tag'],
    values: STATES,
  },
  DesiredLRPCreatedEvent: { always: ['desired_lrp'] },
  DesiredLRPChangedEvent: { always: words('before after') },
  DesiredLRPRemovedEvent: { always: ['desired_lrp'] },
  ActualLRPInstanceCreatedEvent: { always: ['actual_lrp'] },
  ActualLRPInstanceChangedEvent: {
    embed: words('actual_lrp_key actual_lrp_instance_key'),
    always: words('before after'),
  },
  ActualLRPInstanceRemovedEvent: { always: ['actual_lrp'] },
  ActualLRPCrashedEvent: {
    omit: ['crash_reason'],
    embed: words('actual_lrp_key actual_lrp_instance_key'),
  },
  ActualLRPCreatedEvent: { always: ['actual_lrp_group'] },
  ActualLRPChangedEvent: { always: words('before after') },
  ActualLRPRemovedEvent: { always: ['actual_lrp_group'] },
  TaskCreatedEvent: { always: ['task'] },
  TaskChangedEvent: { always: words('before after') },
  TaskRemovedEvent: { always: ['task'] },
};

const TRANSITION_NAMES = {
  actual_lrp_key: 'key',
  actual_lrp_instance_key: 'instanceKey',
  actual_lrp_net_info: 'netInfo',
  actual_lrp_internal_routes: 'internalRoutes',
};

const transition: MessageRules = { names: TRANSITION_NAMES };
const running: MessageRules = {
  names: TRANSITION_NAMES,
  omit: words('actual_lrp_internal_routes metric_tags'),
};

const REQUESTS: Record<string, MessageRules> = {
  DesiredLRPsRequest: { omit: words('process_guids app_guids') },
  ClaimActualLRPRequest: transition,
  StartActualLRPRequest: running,
  CrashActualLRPRequest: transition,
  FailActualLRPRequest: transition,
  RetireActualLRPRequest: transition,
  RemoveActualLRPRequest: transition,
  EvacuateClaimedActualLRPRequest: transition,
  EvacuateRunningActualLRPRequest: running,
  EvacuateStoppedActualLRPRequest: transition,
  EvacuateCrashedActualLRPRequest: transition,
  RemoveEvacuatingActualLRPRequest: transition,
  DesireTaskRequest: { names: { task_definition: 'definition' } },
};

const ANSWERS: Record<string, MessageRules> = {
  DomainsResponse: { omit: ['domains'] },
  CellsResponse: { omit: ['cells'] },
  DesiredLRPsResponse: { omit: ['desired_lrps'] },
  DesiredLRPResource: { names: { root_fs: 'rootfs' }, json: { root_fs: 'rootfs' } },
  DesiredLRPSchedulingInfo: {
    json: { PlacementTags: 'placement_tags' },
    omit: ['PlacementTags'],
    embed: words('desired_lrp_key desired_lrp_resource modification_tag'),
    always: ['routes'],
  },
  DesiredLRPSchedulingInfosResponse: {
    names: { desired_lrp_scheduling_infos: 'infos' },
    omit: ['desired_lrp_scheduling_infos'],
  },
  DesiredLRPSchedulingInfoByProcessGuidResponse: { names: { desired_lrp_scheduling_info: 'info' } },
  ActualLRPsResponse: { omit: ['actual_lrps'] },
  ActualLRPsByProcessGuidsResponse: { omit: ['actual_lrps'] },
  ActualLRPGroupsResponse: { names: { actual_lrp_groups: 'groups' }, omit: ['actual_lrp_groups'] },
  ActualLRPGroupResponse: { names: { actual_lrp_group: 'group' } },
  TasksResponse: { omit: ['tasks'] },
  Transition: { omit: ['trace_id'] },
  TransitionAnswer: { omit: words('keep_container should_start unavailable') },
  LeaseResponse: { embed: ['reply'] },
  KvResponse: { embed: ['entry'] },
  HistoryEntry: {
    omit: words('more instance_guid cell_id count reason'),
    values: { what: HAPPENINGS },
  },
};

const OURS: Record<string, MessageRules> = {
  CellState: { always: words('available total'), maps: ['lrp_counts'] },
  ZoneOfAuction: { always: ['standing'] },
  WhatIf: { always: words('moved waiting') },
  DesiredLrpEvent: { always: ['desired_lrp'] },
  DesiredLrpChange: { always: words('before after') },
  ActualLrpEvent: { always: ['actual_lrp'] },
  ActualLrpChange: { always: words('before after') },
  ActualLrpCrash: { embed: words('actual_lrp_key actual_lrp_instance_key') },
  TaskEvent: { always: ['task'] },
  TaskChange: { always: words('before after') },
};

/** By message name; a message without an entry follows the .proto file in everything. */
export const RULES: Readonly<Record<string, MessageRules>> = {
  ...BUILDING_BLOCKS,
  ...RECORDS,
  ...EVENTS,
  ...REQUESTS,
  ...ANSWERS,
  ...OURS,
};
