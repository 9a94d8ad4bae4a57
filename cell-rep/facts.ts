import type { CellRepConfig } from './config.js';
import type { CellFacts } from './core/cell-state.js';
import type { ContainerRuntime } from './core/container-runtime.js';
import type { Grants } from './core/grants.js';

interface FactSources {
  config: CellRepConfig;
  runtime: ContainerRuntime;
  /** absent = it has a size of its own */
  grants?: Grants;
}

/** Scheme of somebody's images, which a runtime without images would run as if they were stacks. */
export const IMAGE_SCHEME = 'docker';

const providersOf = ({ config, runtime }: FactSources): CellRepConfig['rootfsProviders'] => {
  if (runtime.describeImage) return config.rootfsProviders;
  const { [IMAGE_SCHEME]: _images, ...others } = config.rootfsProviders;
  return others;
};

/** What does not change while the rep lives, by its configuration and its runtime. */
export const factsOf = (options: FactSources, incarnation: string): CellFacts => {
  const { config } = options;
  return {
    cellId: config.cellId,
    cellIndex: config.cellIndex,
    repUrl: config.repUrl,
    address: config.address,
    incarnation,
    total: config.total,
    ...(options.grants && { lent: true as const }),
    zone: config.zone,
    rootfsProviders: providersOf(options),
    volumeDrivers: options.runtime.mounts ? Object.keys(config.volumeDrivers) : [],
    placementTags: config.placementTags,
    optionalPlacementTags: config.optionalPlacementTags,
    annotations: config.annotations,
    proxyMemoryMb: config.proxyMemoryMb,
  };
};

/** With what its runtime can do here, which is known once that has started; what the operator says of it comes first. */
export const told = (facts: CellFacts, { abilities }: ContainerRuntime): CellFacts => ({
  ...facts,
  annotations: { ...abilities?.(), ...facts.annotations },
});
