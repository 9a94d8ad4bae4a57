import type { DesiredLrpSchedulingInfo } from '../../common/model/bbs-api.js';
import type { DesiredLrp } from '../../common/model/lrp.js';

/** What scheduling needs to know. */
export const schedulingInfo = (lrp: DesiredLrp): DesiredLrpSchedulingInfo => ({
  processGuid: lrp.processGuid,
  domain: lrp.domain,
  logGuid: lrp.logGuid,
  annotation: lrp.annotation,
  instances: lrp.instances,
  memoryMb: lrp.memoryMb,
  diskMb: lrp.diskMb,
  rootfs: lrp.rootfs,
  maxPids: lrp.maxPids,
  routes: lrp.routes,
  ...lrp.modificationTag,
  volumePlacement: { driverNames: lrp.volumeMounts.map(({ driver }) => driver) },
  placementTags: lrp.placementTags,
});

export type RoutingInfo = Pick<
  DesiredLrp,
  'processGuid' | 'domain' | 'logGuid' | 'instances' | 'routes' | 'modificationTag' | 'metricTags'
>;

/** What routing needs to know: a desired LRP with everything else left empty. */
export const routingInfo = (lrp: DesiredLrp): RoutingInfo => {
  const { processGuid, domain, logGuid, instances, routes, modificationTag, metricTags } = lrp;
  return { processGuid, domain, logGuid, instances, routes, modificationTag, metricTags };
};
