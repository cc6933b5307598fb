import { useSignal } from '@preact/signals';
import { asFault, logIn } from '../api/ask.ts';
import { Icon } from '../parts/icon.tsx';

/** Shown whenever the board asks who is there. What is typed goes to the board; the page keeps nothing of it. */
export function LogIn() {
  const fault = useSignal('');
  const isBusy = useSignal(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const user = String(form.get('user') ?? '').trim();
    const secret = String(form.get('token') ?? '').trim();
    if (secret === '') {
      fault.value = user === '' ? 'Type the access token first.' : 'Type the password first.';
      return;
    }
    isBusy.value = true;
    try {
      await logIn(user === '' ? { token: secret } : { user, password: secret });
    } catch (caught) {
      const { status, message, suggestion } = asFault(caught);
      fault.value =
        status !== 401
          ? `${message} ${suggestion}`
          : user === ''
            ? 'This token is not right. Check that all of it was copied.'
            : 'The name or the password is not right.';
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <form class="card log-in" onSubmit={submit} aria-labelledby="log-in-title">
      <h1 id="log-in-title">Log in</h1>
      <p class="log-in-text">
        Enter your name and password, or leave the name empty and paste an access token. The first token was
        shown when <code>weir up</code> started for the first time.
      </p>
      <label for="user">Name</label>
      <input id="user" name="user" type="text" autocomplete="username" spellcheck={false} maxLength={64} />
      <label for="token">Password or access token</label>
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
