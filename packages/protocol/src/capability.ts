/** What an agent can do: bits of AgentToServer.capabilities (opamp-spec "AgentToServer.capabilities"). */
export const AgentCapability = {
  ReportsStatus: 0x0001n,
  AcceptsRemoteConfig: 0x0002n,
  ReportsEffectiveConfig: 0x0004n,
  AcceptsPackages: 0x0008n,
  ReportsPackageStatuses: 0x0010n,
  ReportsOwnTraces: 0x0020n,
  ReportsOwnMetrics: 0x0040n,
  ReportsOwnLogs: 0x0080n,
  AcceptsOpAMPConnectionSettings: 0x0100n,
  AcceptsOtherConnectionSettings: 0x0200n,
  AcceptsRestartCommand: 0x0400n,
  ReportsHealth: 0x0800n,
  ReportsRemoteConfig: 0x1000n,
  ReportsHeartbeat: 0x2000n,
  ReportsAvailableComponents: 0x4000n,
  ReportsConnectionSettingsStatus: 0x8000n,
} as const;

/** What a server can do: bits of ServerToAgent.capabilities (opamp-spec "ServerToAgent.capabilities"). */
export const ServerCapability = {
  AcceptsStatus: 0x01n,
  OffersRemoteConfig: 0x02n,
  AcceptsEffectiveConfig: 0x04n,
  OffersPackages: 0x08n,
  AcceptsPackagesStatus: 0x10n,
  OffersConnectionSettings: 0x20n,
  AcceptsConnectionSettingsRequest: 0x40n,
} as const;

/**
 * Tells whether a set of capabilities has all the given bits; bits nobody knows mean nothing.
 *
 * @param capabilities the set
 * @param bits one bit or several
 */
export function hasCapability(capabilities: bigint, bits: bigint): boolean {
  return (capabilities & bits) === bits;
}
