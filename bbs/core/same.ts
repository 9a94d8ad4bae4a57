import type { ActualLrpInternalRoute, ActualLrpNetInfo, MetricTagValue } from '../../common/model/lrp.js';

export const sameMap = (a: Record<string, string>, b: Record<string, string>): boolean => {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
};

export const sameRoutes = (
  a: readonly ActualLrpInternalRoute[],
  b: readonly ActualLrpInternalRoute[],
): boolean => a.length === b.length && a.every((route, at) => route.hostname === b[at]?.hostname);

export const sameMetricTags = (
  a: Record<string, MetricTagValue>,
  b: Record<string, MetricTagValue>,
): boolean => {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => a[name]?.static === b[name]?.static && a[name]?.dynamic === b[name]?.dynamic)
  );
};

const samePorts = (a: ActualLrpNetInfo, b: ActualLrpNetInfo): boolean =>
  a.ports.length === b.ports.length &&
  a.ports.every((port, at) => {
    const other = b.ports[at];
    return (
      other !== undefined &&
      port.containerPort === other.containerPort &&
      port.hostPort === other.hostPort &&
      port.containerTlsProxyPort === other.containerTlsProxyPort &&
      port.hostTlsProxyPort === other.hostTlsProxyPort
    );
  });

export const sameNetInfo = (a: ActualLrpNetInfo, b: ActualLrpNetInfo): boolean =>
  a.address === b.address &&
  a.instanceAddress === b.instanceAddress &&
  a.preferredAddress === b.preferredAddress &&
  a.instanceIpv6Address === b.instanceIpv6Address &&
  samePorts(a, b);
