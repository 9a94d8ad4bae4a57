import t from 'tap';
import {
  makeRoot,
  makeZip,
  openRuntime,
  processPrograms,
  realProcessPrograms,
  removeRoot,
} from '../support/process-runtime.js';
import { containerRuntimeContract } from './container-runtime.js';

const root = await makeRoot();
t.teardown(() => removeRoot(root));

containerRuntimeContract({
  name: 'process runtime',
  open: () => openRuntime(root),
  programs: processPrograms,
  real: realProcessPrograms,
  archive: makeZip,
});
