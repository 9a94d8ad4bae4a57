/**
 * Desired LRPs and tasks as they were before they had image layers (Diego's format V2, sheet §11): layers that cells
 * share become cached dependencies, those that they do not become downloads before everything else.
 */
import type { Action, DownloadAction } from '../../common/model/action.js';
import type { CachedDependency, DesiredLrp, ImageLayer } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';

const algorithmOf = ({ digestAlgorithm }: ImageLayer): string =>
  digestAlgorithm === 'DigestAlgorithmInvalid' ? '' : digestAlgorithm.toLowerCase();

const digestOf = (layer: ImageLayer): string => `${algorithmOf(layer)}:${layer.digestValue}`;

const asDependency = (layer: ImageLayer): CachedDependency => ({
  name: layer.name,
  from: layer.url,
  to: layer.destinationPath,
  cacheKey: layer.digestValue === '' ? layer.url : digestOf(layer),
  logSource: '',
  checksumAlgorithm: algorithmOf(layer),
  checksumValue: layer.digestValue,
});

const asDownload = (layer: ImageLayer, user: string): DownloadAction => ({
  artifact: layer.name,
  from: layer.url,
  to: layer.destinationPath,
  cacheKey: digestOf(layer),
  logSource: '',
  user,
  checksumAlgorithm: algorithmOf(layer),
  checksumValue: layer.digestValue,
});

interface Layered {
  imageLayers: ImageLayer[];
  cachedDependencies: CachedDependency[];
  legacyDownloadUser: string;
}

const dependenciesOf = ({ imageLayers, cachedDependencies }: Layered): CachedDependency[] => [
  ...imageLayers.filter(({ layerType }) => layerType === 'SHARED').map(asDependency),
  ...cachedDependencies,
];

/** `before` after the downloads of the layers that no two containers share. */
const withDownloads = (layered: Layered, before: Action | undefined): Action | undefined => {
  const downloads = layered.imageLayers
    .filter(({ layerType }) => layerType === 'EXCLUSIVE')
    .map((layer) => ({ download: asDownload(layer, layered.legacyDownloadUser) }));
  if (downloads.length === 0) return before;
  const all: Action = { parallel: { actions: downloads, logSource: '' } };
  return before ? { serial: { actions: [all, before], logSource: '' } } : all;
};

/** One that has no image layers is as it was. */
export const desiredLrpV2 = (lrp: DesiredLrp): DesiredLrp => {
  if (lrp.imageLayers.length === 0) return lrp;
  const setup = withDownloads(lrp, lrp.setup);
  return {
    ...lrp,
    ...(setup && { setup }),
    cachedDependencies: dependenciesOf(lrp),
    imageLayers: [],
  };
};

/** One that has no image layers is as it was. */
export const taskV2 = (task: Task): Task => {
  if (task.imageLayers.length === 0) return task;
  const action = withDownloads(task, task.action);
  return {
    ...task,
    ...(action && { action }),
    cachedDependencies: dependenciesOf(task),
    imageLayers: [],
  };
};
