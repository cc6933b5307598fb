/** The fleet as understood: frozen, with every default filled in. */
export interface Fleet {
  siteName: string;
  timezone: string;
  domain: string;
  gateway: string | null;
  dns: readonly string[];
  user: string;
  sshKeys: readonly string[];
  boards: readonly FleetBoard[];
  devices: readonly FleetDevice[];
}

export interface FleetBoard {
  name: string;
  /** Name of its description. */
  kind: string;
  /** With its prefix; null asks DHCP. */
  address: string | null;
  interface: string;
  /** Where it is reached. */
  host: string;
}

export interface FleetDevice {
  id: string;
  publish: readonly string[];
  subscribe: readonly string[];
}
