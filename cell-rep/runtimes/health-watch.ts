/** Who wants to hear when a runtime becomes healthy or unhealthy. */
export interface HealthWatch {
  watch(onChange: () => void): () => void;
  tell(): void;
}

export const createHealthWatch = (): HealthWatch => {
  const watchers = new Set<() => void>();
  return {
    watch(onChange) {
      watchers.add(onChange);
      return () => void watchers.delete(onChange);
    },
    tell: () => watchers.forEach((onChange) => onChange()),
  };
};
