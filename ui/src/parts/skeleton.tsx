/** Holds the place of what is being asked for, so that nothing jumps when it comes. */
export function Skeleton({ kind }: { kind: 'page' | 'rows' | 'line' }) {
  if (kind === 'page') {
    return (
      <div class="overview" role="status" aria-label="Loading">
        <div class="skeleton skeleton-controls" />
        <div class="skeleton skeleton-chart" />
        <div class="skeleton skeleton-side" />
      </div>
    );
  }
  const rows = kind === 'rows' ? 10 : 1;
  return (
    <div class="skeleton-rows" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} class="skeleton skeleton-row" />
      ))}
    </div>
  );
}
