import type { ComponentChildren } from 'preact';

export interface Option<T extends string> {
  value: T;
  label: ComponentChildren;
  title?: string;
}

/** One of a few, all of them in sight. Buttons that say which is pressed work with keyboard and screen reader alike. */
export function Choice<T extends string>(props: {
  label: string;
  options: readonly Option<T>[];
  value: T | null;
  onPick: (value: T) => void;
  kind?: 'tabs' | 'pills';
}) {
  return (
    <fieldset class={`choice choice-${props.kind ?? 'pills'}`} aria-label={props.label}>
      {props.options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === props.value}
          title={option.title}
          onClick={() => props.onPick(option.value)}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}
