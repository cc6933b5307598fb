/** What the other machine says first, with what a log-in there may print before it. */
export const READY = 'weir-far-shell';

/**
 * The other end: a loop of POSIX shell that reads a request a line and answers with lines. `= TEXT` is a line of a list,
 * `# N` is followed by N bytes, and the last is `ok`, `absent`, `large`, `no-file`, `differs` or `fail WHY`. It ends with
 * its input, so that after a kill or a broken line nothing is left running there.
 *
 * How that machine hashes, tells times and takes exactly so many bytes from its input is tried out first: a `head` that
 * reads ahead would eat the next request.
 */
export const FAR_SCRIPT = `umask 077; LC_ALL=C; export LC_ALL; root=$1; unfinished=$2; hash=; take=; form=
for one in sha256sum "shasum -a 256" "sha256 -q"; do
  if [ -z "$hash" ] && printf x | $one >/dev/null 2>&1; then hash=$one; fi; done
by_head() { head -c "$1"; }
by_dd() { dd "bs=$1" count=1 iflag=fullblock 2>/dev/null; }
for one in by_head by_dd; do
  if [ -z "$take" ] && [ "$(printf abcdef | { $one 3 >/dev/null 2>&1; cat; })" = def ]; then take=$one; fi; done
if stat -c %s / >/dev/null 2>&1; then form=gnu; elif stat -f %z / >/dev/null 2>&1; then form=bsd; fi
sizes() { if [ $form = gnu ]; then find "$1" -type f -exec stat -c "%s %Y %n" -- {} +
  else find "$1" -type f -exec stat -f "%z %m %N" -- {} +; fi; }
flush() { sync -- "$1" 2>/dev/null || sync; }
fail() { printf "fail %s\\n" "$(printf %s "$1" | tr -c "[:print:]" " ")"; }
echo "${READY} $take $form $hash"
[ -n "$take" ] && [ -n "$form" ] && [ -n "$hash" ] || exit
while read -r verb a b c; do case $verb in
prepare)
  if out=$({ mkdir -p -m 700 -- "$root" && cd -- "$root" && rm -f -- unfinished-* && ls -A; } 2>&1)
  then printf "%s\\n" "$out" | sed "s/^/= /"; echo ok; else fail "$out"; fi;;
list)
  if [ ! -e "$root/$a" ]; then echo absent
  elif out=$({ cd -- "$root" && test -r "$a"; } 2>&1)
  then (cd -- "$root" && { date +%s; sizes "$a"; } | sed "s/^/= /"); echo ok; else fail "$root: $out"; fi;;
read)
  if [ ! -e "$root/$a" ]; then echo absent; elif [ ! -f "$root/$a" ]; then echo no-file
  elif [ ! -r "$root/$a" ]; then fail "$root/$a cannot be read"
  else size=$(($(wc -c < "$root/$a"))); if [ "$size" -gt "$b" ]; then echo large
  else echo "# $size"; cat -- "$root/$a"; echo ok; fi; fi;;
write)
  case $a in */*) dir=$root/\${a%/*};; *) dir=$root;; esac; new=$root/$unfinished
  if ! out=$({ mkdir -p -m 700 -- "$dir" && $take "$b" > "$new" && flush "$new"; } 2>&1)
  then rm -f -- "$new"; fail "$out"; exit; fi
  sum=$($hash < "$new")
  if [ "\${sum%% *}" != "$c" ]; then rm -f -- "$new"; echo differs
  elif out=$({ mv -f -- "$new" "$root/$a" && flush "$dir"; } 2>&1); then echo ok; else fail "$out"; fi;;
remove) if out=$(rm -f -- "$root/$a" 2>&1); then echo ok; else fail "$out"; fi;;
*) fail "no such request"; exit;; esac; done`;
