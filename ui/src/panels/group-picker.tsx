import { Icon } from '../parts/icon.tsx';
import { site } from '../state/board.ts';
import { keyFieldOf, type Selection, splittable } from '../state/selection.ts';
import { change } from '../state/view.ts';

/** All in one line, a line for each of the largest, or one member alone. */
export function GroupPicker({ selected }: { selected: Selection }) {
  const { rollup, by, filter } = selected;
  const key = site.value ? keyFieldOf(site.value, rollup) : null;
  const canFind = key !== null && splittable(rollup).includes(key);
  return (
    <>
      <label class="field">
        <span class="field-name">Group</span>
        <select
          value={filter ? 'one' : by === null ? 'all' : `by:${by}`}
          onChange={(event) => pick(event.currentTarget.value)}
        >
          <option value="all">all together</option>
          {splittable(rollup).map((field) => (
            <option key={field} value={`by:${field}`}>
              by {field}
            </option>
          ))}
          {filter ? <option value="one">{`one ${filter.field}`}</option> : null}
        </select>
      </label>
      {filter ? (
        <button
          type="button"
          class="chip"
          title="Show all again"
          aria-label={`Shown: ${filter.field} ${filter.value}. Show all again`}
          onClick={() => change({ filter: null })}
        >
          <span class="chip-field">{filter.field}</span>
          <bdi class="chip-value">{filter.value}</bdi>
          <Icon name="close" />
        </button>
      ) : null}
      {canFind ? <FindOne field={key} /> : null}
    </>
  );
}

function pick(value: string): void {
  if (value === 'one') return;
  change({ by: value.startsWith('by:') ? value.slice(3) : null, filter: null });
}

function FindOne({ field }: { field: string }) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const value = String(new FormData(form).get('one') ?? '').trim();
    if (value === '') return;
    change({ by: null, filter: { field, value } });
    form.reset();
  };
  return (
    <form class="find" onSubmit={submit}>
      <input
        name="one"
        type="text"
        placeholder={`Find a ${field}`}
        aria-label={`Identifier of one ${field}; Enter shows it`}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        enterkeyhint="search"
        maxLength={128}
      />
      <button type="submit" class="find-go" aria-label={`Show this ${field}`}>
        <Icon name="search" />
      </button>
    </form>
  );
}
