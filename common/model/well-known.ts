/** Names that several components must agree on. */

/** Components that run as processes of their own, in the order in which a system comes up. */
export const COMPONENTS = ['bbs', 'auctioneer', 'mesos-bridge', 'cell', 'router', 'api'] as const;
export type Component = (typeof COMPONENTS)[number];

/** What a certificate says, as organizational unit (OU), of whom it was made for: a component, or people who operate it. */
export const CLIENT_ROLES = [...COMPONENTS, 'operator'] as const;
export type ClientRole = (typeof CLIENT_ROLES)[number];

/** What applications from source ask for, and the image that stands for it. */
export const STACK = 'cflinuxfs4';
export const STACK_IMAGE = 'outcry-stack:latest';

/** Host by which droplets are asked for; each cell's configuration says where it leads. */
export const BLOB_HOST = 'blobs.outcry.internal';

/** As whom the bridge of this machine subscribes at the simulated Mesos. */
export const MESOS_PRINCIPAL = 'outcry';
