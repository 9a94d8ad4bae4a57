import { createMemoryEngine } from '../../common/store/memory-engine.js';
import type { MemoryEngine } from '../../common/store/memory-engine.js';
import { storeContract } from './store.js';

const places = new Map<string, MemoryEngine>();

storeContract('memory', {
  takesOver: true,
  engine(place) {
    const engine = places.get(place) ?? createMemoryEngine();
    places.set(place, engine);
    return engine;
  },
});
