import { useSignal } from '@preact/signals';
import { asFault, logIn } from '../api/ask.ts';
import { Icon } from '../parts/icon.tsx';

/** Shown whenever the board asks who is there. The token goes to the board and is kept by it, not by the page. */
export function LogIn() {
  const fault = useSignal('');
  const isBusy = useSignal(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget as HTMLFormElement).get('token') ?? '').trim();
    if (token === '') {
      fault.value = 'Type the access token first.';
      return;
    }
    isBusy.value = true;
    try {
      await logIn(token);
    } catch (caught) {
      const { status, message, suggestion } = asFault(caught);
      fault.value =
        status === 401
          ? 'This token is not right. Check that all of it was copied.'
          : `${message} ${suggestion}`;
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <form class="card log-in" onSubmit={submit} aria-labelledby="log-in-title">
      <h1 id="log-in-title">Log in</h1>
      <p class="log-in-text">
        Paste an access token of this appliance. The first one was shown when <code>weir up</code> started for
        the first time.
      </p>
      <label for="token">Access token</label>
      <input
        id="token"
        name="token"
        type="password"
        autocomplete="current-password"
        spellcheck={false}
        maxLength={512}
        aria-describedby="log-in-fault"
        aria-invalid={fault.value !== ''}
      />
      <p id="log-in-fault" class="log-in-fault" role="alert">
        {fault.value === '' ? null : <Icon name="warn" />}
        {fault.value}
      </p>
      <button type="submit" class="button button-main" disabled={isBusy.value}>
        {isBusy.value ? 'Logging in…' : 'Log in'}
      </button>
    </form>
  );
}
