import type { ErrorEntry } from './error-entry.js';

/** Of the Docker engine, and of the image that applications from source run in. */
export const DOCKER_ERRORS = {
  DOCKER_DENIED: {
    message: 'this user may not use the Docker engine at {where}',
    remedy: 'join the group that owns the socket (docker) and log in again, or run as root',
    status: 403,
  },
  DOCKER_ENGINE_REMOTE: {
    message: 'the Docker engine at {where} is on another machine: containers there are not reached from here',
    remedy: 'name an engine of this machine with DOCKER_HOST, or leave it out; or take --runtime process',
    status: 422,
  },
  DOCKER_HOST_INVALID: {
    message: 'the Docker engine "{engine}" cannot be used: {reason}',
    remedy: 'correct DOCKER_HOST or --engine, or leave it out for /var/run/docker.sock',
    status: 422,
  },
  DOCKER_UNREACHABLE: {
    message: 'no Docker engine answers at {where}: {reason}',
    remedy:
      'start Docker, or name where it answers with DOCKER_HOST; what runs in containers is left as it is',
    status: 503,
  },
  STACK_BUILD_FAILED: {
    message: 'the stack image was not made: {reason}',
    remedy: 'correct what is named and build it again; nothing was left in the engine',
    status: 500,
  },
  STACK_HOST_UNUSABLE: {
    message: 'no stack image can be made here: {reason}',
    remedy:
      'install what is missing, or build it on a Linux machine and bring it over by docker save and load',
    status: 500,
  },
  STACK_IMAGE_MISSING: {
    message: 'the Docker engine at {where} has no stack image {image}',
    remedy: "make one with 'npx outcry stack build', or take --runtime process",
    status: 503,
  },
  STACK_NAME_INVALID: {
    message: 'an image cannot be named "{name}"',
    remedy: 'use lower-case letters, digits, ".", "_", "-" and "/", and a tag after ":"',
    status: 422,
  },
} as const satisfies Record<string, ErrorEntry>;
