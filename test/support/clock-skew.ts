/** Processes of this machine whose wall clocks differ, as those of several machines do. */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PERL = '/usr/bin/perl';

/** Debian puts it below a directory of its architecture. */
export const libfaketime = (): string | undefined =>
  readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'faketime/libfaketime.so.1'))
    .find((file) => existsSync(file));

/** The kernel is asked for the time directly by the process runtime's helper, past any library. */
const shiftedClock = (seconds: number): string => `package ShiftedClock;
BEGIN {
    *CORE::GLOBAL::syscall = sub {
        my @rest = @_[ 3 .. $#_ ];
        my $result = CORE::syscall( $_[0], $_[1], $_[2], @rest );
        if ( $_[0] == 228 && $_[1] == 0 && $result == 0 ) {
            my ( $s, $ns ) = unpack 'q q', $_[2];
            $_[2] = pack 'q q', $s + ${seconds}, $ns;
        }
        return $result;
    };
}
1;
`;

/**
 * Words that run `words` with its wall clock `seconds` ahead (or behind): Node under libfaketime, and perl, in a mount
 * namespace of its own, with a clock that is as wrong. Monotonic clocks stay.
 */
export const withClock = (dir: string, seconds: number, words: readonly string[]): readonly string[] => {
  const library = libfaketime();
  if (library === undefined) throw new Error('libfaketime is not there');
  const place = mkdtempSync(join(dir, 'clock-'));
  chmodSync(place, 0o755);
  copyFileSync(PERL, join(place, 'perl'));
  writeFileSync(join(place, 'ShiftedClock.pm'), shiftedClock(seconds));
  const wrapper = join(place, 'wrapper');
  writeFileSync(wrapper, `#!/bin/sh\nexec ${place}/perl -I${place} -MShiftedClock "$@"\n`);
  chmodSync(wrapper, 0o755);
  const script = `mount --bind ${wrapper} ${PERL} && exec env "$@"`;
  const sign = seconds < 0 ? '' : '+';
  return [
    ...['unshare', '--mount', 'sh', '-c', script, 'sh'],
    ...[`LD_PRELOAD=${library}`, `FAKETIME=${sign}${seconds}s`, 'DONT_FAKE_MONOTONIC=1'],
    ...words,
  ];
};
