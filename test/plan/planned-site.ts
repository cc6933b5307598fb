/** The site of both checks: the simulator's electricity, with tiers that keep all that a check brings. */
export function plannedSite(keepDays: number): string {
  return `weir: 1
site: { name: Planned, wear: { capacity: 32GB } }
streams:
  electricity:
    from: ["meters/{meter}/electricity", "packs/{concentrator}/electricity"]
    time: ts
    key: meter
    id: [meter, ts]
    lateness: 15m
    fields:
      kwh: { type: counter, unit: kWh, decimals: 3 }
      watts: { type: gauge, unit: W, decimals: 1 }
      state: text
rollups:
  usage:
    of: electricity
    by: [[meter], [state], []]
    measures: { kwh: increase(kwh), watts: mean(watts), peak: max(watts), readings: count() }
    tiers: { 1m: ${keepDays}d, 15m: ${keepDays}d, 1h: ${keepDays}d, 1d: ${keepDays}d }
retention: { raw: ${keepDays}d, rawBytes: 100GB }
`;
}
