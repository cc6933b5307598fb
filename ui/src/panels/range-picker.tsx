import { useSignal } from '@preact/signals';
import { Choice } from '../parts/choice.tsx';
import { Icon } from '../parts/icon.tsx';
import { site } from '../state/board.ts';
import { boardNow } from '../state/clock.ts';
import { fromLocalInput, toLocalInput } from '../state/local-input.ts';
import { bounds, PRESETS } from '../state/range.ts';
import type { Selection } from '../state/selection.ts';
import { pickRange } from '../state/view.ts';

export function RangePicker({ selected }: { selected: Selection }) {
  const isOpen = useSignal(false);
  const { range } = selected;
  const options = PRESETS.map(({ span, label }) => ({
    value: span,
    label: span,
    title: `The last ${label}`,
  }));
  const isCustom = range.kind === 'between' || !PRESETS.some((one) => one.span === range.span);
  return (
    <div class="range">
      <Choice
        label="Range"
        value={range.kind === 'last' ? range.span : null}
        options={options}
        onPick={(span) => {
          isOpen.value = false;
          pickRange({ kind: 'last', span });
        }}
      />
      <button
        type="button"
        class="custom"
        aria-pressed={isCustom}
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <Icon name="calendar" />
        <span>custom</span>
      </button>
      {isOpen.value ? <CustomRange selected={selected} onDone={() => (isOpen.value = false)} /> : null}
    </div>
  );
}

/** Begin and end as the site's clock showed them. */
function CustomRange({ selected, onDone }: { selected: Selection; onDone: () => void }) {
  const zone = site.value?.timezone ?? 'UTC';
  const fault = useSignal('');
  const shown = bounds(selected.range, boardNow());
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const from = fromLocalInput(String(form.get('from')), zone);
    const to = fromLocalInput(String(form.get('to')), zone);
    if (from === null || to === null) fault.value = 'Give both times in full.';
    else if (from >= to) fault.value = 'The begin must come before the end.';
    else {
      pickRange({ kind: 'between', from, to });
      onDone();
    }
  };
  return (
    <form
      class="card custom-range"
      onSubmit={submit}
      onKeyDown={(event) => event.key === 'Escape' && onDone()}
    >
      <label>
        <span>From</span>
        <input type="datetime-local" name="from" required defaultValue={toLocalInput(shown.from, zone)} />
      </label>
      <label>
        <span>To</span>
        <input type="datetime-local" name="to" required defaultValue={toLocalInput(shown.to, zone)} />
      </label>
      <p class="hint">{fault.value === '' ? `Times of ${zone}` : fault.value}</p>
      <button type="submit" class="button button-main">
        Show
      </button>
    </form>
  );
}
