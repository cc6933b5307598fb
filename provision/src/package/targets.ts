/** What is built for which boards. The names of the native part are those inside the package of classic-level. */
export interface Target {
  /** As Node says it: `process.arch`. */
  arch: 'x64' | 'arm64' | 'arm';
  debian: 'amd64' | 'arm64' | 'armhf';
  native: string;
  /** 32-bit ARM has no Node 24 to put into one file: there Debian's own Node 20 runs the bundle. */
  oneFile: boolean;
}

export const TARGETS: Target[] = [
  { arch: 'x64', debian: 'amd64', native: 'linux-x64/classic-level.node', oneFile: true },
  { arch: 'arm64', debian: 'arm64', native: 'linux-arm64/classic-level.armv8.node', oneFile: true },
  { arch: 'arm', debian: 'armhf', native: 'linux-arm/classic-level.armv7.node', oneFile: false },
];
