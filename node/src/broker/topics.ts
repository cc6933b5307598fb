/** Whether a filter of MQTT matches a topic name. */
export function filterMatches(filter: string, topic: string): boolean {
  return levelsMatch(filter.split('/'), topic.split('/'));
}

/** The same with both split at their slashes, for those who ask many times. */
export function levelsMatch(filter: readonly string[], topic: readonly string[]): boolean {
  // [MQTT-4.7.2-1]: a wildcard at the start does not match topics that begin with `$`.
  if (topic[0].startsWith('$') && filter[0] !== topic[0]) return false;
  for (let i = 0; i < filter.length; i++) {
    if (filter[i] === '#') return true;
    if (i >= topic.length || (filter[i] !== '+' && filter[i] !== topic[i])) return false;
  }
  return filter.length === topic.length;
}

/** Topics and filters that belong to the server [MQTT-4.7.2], and shared subscriptions, which 3.1.1 does not have [52]. */
export function isReserved(topic: string): boolean {
  return topic.startsWith('$') && /^\$(SYS|share|weir|queue|delayed|exclusive)(\/|$)/i.test(topic);
}

/** Whether `allowed` matches every topic that `filter` matches: what a device may subscribe to. */
export function filterCovers(allowed: string, filter: string): boolean {
  const outer = allowed.split('/');
  const inner = filter.split('/');
  for (let i = 0; i < outer.length; i++) {
    if (outer[i] === '#') return true;
    if (i >= inner.length || inner[i] === '#') return false;
    if (outer[i] !== '+' && outer[i] !== inner[i]) return false;
  }
  return inner.length === outer.length;
}
