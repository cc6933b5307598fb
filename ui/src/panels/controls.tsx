import { Choice } from '../parts/choice.tsx';
import { site } from '../state/board.ts';
import { inWords, isCharted, type Measure, type Selection, titleOf } from '../state/selection.ts';
import { change } from '../state/view.ts';
import { GroupPicker } from './group-picker.tsx';
import { RangePicker } from './range-picker.tsx';

/** What is charted. A choice that another one does not have falls back to its first. */
export function Controls({ selected }: { selected: Selection }) {
  const all = site.value?.rollups ?? [];
  return (
    <section class="controls" aria-label="What is shown">
      <Choice
        kind="tabs"
        label="Rollup"
        value={selected.rollup.name}
        options={all.map((rollup) => ({ value: rollup.name, label: titleOf(site.value!, rollup) }))}
        onPick={(rollup) => change({ rollup, measure: measureLike(rollup, selected) })}
      />
      <div class="controls-row">
        <label class="field">
          <span class="field-name">Measure</span>
          <select
            value={selected.measure.name}
            onChange={(event) => change({ measure: event.currentTarget.value })}
          >
            {selected.rollup.measures.filter(isCharted).map((measure) => (
              <option key={measure.name} value={measure.name} title={inWords(measure)}>
                {labelOf(measure)}
              </option>
            ))}
          </select>
        </label>
        <GroupPicker selected={selected} />
        <span class="spring" />
        <RangePicker selected={selected} />
      </div>
    </section>
  );
}

/** `peak · W`; a measure that is named for its unit says it once. */
function labelOf({ name, unit }: Measure): string {
  return unit === '' || unit.toLowerCase() === name.toLowerCase() ? unit || name : `${name} · ${unit}`;
}

/** The readings of gas after the readings of water; else the measure at the same place. */
function measureLike(rollupName: string, { rollup, measure }: Selection): string | null {
  const next = site.value?.rollups.find((one) => one.name === rollupName);
  const same = next?.measures.find((one) => one.name === measure.name);
  return (same ?? next?.measures[rollup.measures.indexOf(measure)])?.name ?? null;
}
