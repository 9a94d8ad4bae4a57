// Written from proto/containers.proto by UPDATE_DOCS=1 npm test -- protocol/messages

import type { ContainerId, Credential, Labels, Parameter, Parameters, Secret } from './values.js';

export interface CommandUri {
  readonly value: string;
  readonly executable?: boolean;
  readonly extract?: boolean;
  readonly cache?: boolean;
  readonly outputFile?: string;
}

export type EnvironmentVariableType = 'UNKNOWN' | 'VALUE' | 'SECRET';

export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly type?: EnvironmentVariableType;
  readonly secret?: Secret;
}

export interface Environment {
  readonly variables: readonly EnvironmentVariable[];
}

export interface CommandInfo {
  readonly uris: readonly CommandUri[];
  readonly environment?: Environment;
  readonly value?: string;
  readonly user?: string;
  readonly shell?: boolean;
  readonly arguments: readonly string[];
}

export interface AppcImage {
  readonly name: string;
  readonly id?: string;
  readonly labels?: Labels;
}

export interface DockerImage {
  readonly name: string;
  readonly credential?: Credential;
  readonly config?: Secret;
}

export type ImageType = 'APPC' | 'DOCKER';

export interface Image {
  readonly type: ImageType;
  readonly appc?: AppcImage;
  readonly docker?: DockerImage;
  readonly cached?: boolean;
}

export interface DockerVolume {
  readonly driver?: string;
  readonly name: string;
  readonly driverOptions?: Parameters;
}

export type SandboxPathType = 'UNKNOWN' | 'SELF' | 'PARENT';

export interface SandboxPath {
  readonly type?: SandboxPathType;
  readonly path: string;
}

export type MountPropagationMode = 'UNKNOWN' | 'HOST_TO_CONTAINER' | 'BIDIRECTIONAL';

export interface MountPropagation {
  readonly mode?: MountPropagationMode;
}

export interface HostPath {
  readonly path: string;
  readonly mountPropagation?: MountPropagation;
}

export type VolumeSourceType =
  'UNKNOWN' | 'DOCKER_VOLUME' | 'SANDBOX_PATH' | 'SECRET' | 'HOST_PATH' | 'CSI_VOLUME';

export interface VolumeSource {
  readonly type?: VolumeSourceType;
  readonly dockerVolume?: DockerVolume;
  readonly sandboxPath?: SandboxPath;
  readonly secret?: Secret;
  readonly hostPath?: HostPath;
}

export type VolumeMode = 'RW' | 'RO';

export interface Volume {
  readonly containerPath: string;
  readonly hostPath?: string;
  readonly mode: VolumeMode;
  readonly image?: Image;
  readonly source?: VolumeSource;
}

export type NetworkProtocol = 'IPv4' | 'IPv6';

export interface IpAddress {
  readonly protocol?: NetworkProtocol;
  readonly ipAddress?: string;
}

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol?: string;
}

export interface NetworkInfo {
  readonly groups: readonly string[];
  readonly labels?: Labels;
  readonly ipAddresses: readonly IpAddress[];
  readonly name?: string;
  readonly portMappings: readonly PortMapping[];
}

export interface SeccompInfo {
  readonly profileName?: string;
  readonly unconfined?: boolean;
}

export type LinuxInfoIpcMode = 'UNKNOWN' | 'PRIVATE' | 'SHARE_PARENT';

export interface LinuxInfo {
  readonly sharePidNamespace?: boolean;
  readonly seccomp?: SeccompInfo;
  readonly ipcMode?: LinuxInfoIpcMode;
  readonly shmSize?: number;
  readonly shareCgroups?: boolean;
}

export type DockerInfoNetwork = 'HOST' | 'BRIDGE' | 'NONE' | 'USER';

export interface DockerInfo {
  readonly image: string;
  readonly network?: DockerInfoNetwork;
  readonly portMappings: readonly PortMapping[];
  readonly privileged?: boolean;
  readonly parameters: readonly Parameter[];
  readonly forcePullImage?: boolean;
  readonly volumeDriver?: string;
}

export interface MesosContainerInfo {
  readonly image?: Image;
}

export type ContainerInfoType = 'DOCKER' | 'MESOS';

export interface ContainerInfo {
  readonly type: ContainerInfoType;
  readonly volumes: readonly Volume[];
  readonly docker?: DockerInfo;
  readonly hostname?: string;
  readonly mesos?: MesosContainerInfo;
  readonly networkInfos: readonly NetworkInfo[];
  readonly linuxInfo?: LinuxInfo;
}

export interface NetClsInfo {
  readonly classid?: number;
}

export interface CgroupInfo {
  readonly netCls?: NetClsInfo;
}

export interface ContainerStatus {
  readonly networkInfos: readonly NetworkInfo[];
  readonly cgroupInfo?: CgroupInfo;
  readonly executorPid?: number;
  readonly containerId?: ContainerId;
}
