export { pasteSessions, storedSessions } from './aedes/session-copy.ts';
export type { SessionEntry } from './aedes/session-disk.ts';
export { Credentials } from './credentials.ts';
export {
  addDevice,
  applyDevices,
  type Device,
  type ListedDevice,
  listDevices,
  type NewDevice,
  revokeDevice,
} from './device-file.ts';
export type { Intake, WallClock } from './intake.ts';
export { isLoopback, type ListenAt } from './listeners.ts';
export { type Broker, type BrokerOptions, type BrokerStats, startBroker } from './start-broker.ts';
