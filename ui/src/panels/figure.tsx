import type { ComponentChildren } from 'preact';

/** A figure with its name: large enough to be read at a glance, small enough to stand in a line. */
export function Figure({
  name,
  title,
  children,
}: {
  name: string;
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <div class="figure" title={title}>
      <dt>{name}</dt>
      <dd class="num">{children}</dd>
    </div>
  );
}
