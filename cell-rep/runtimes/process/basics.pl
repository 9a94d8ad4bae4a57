# What helper and supervisors share: time, identity, rights, descriptors. Read by supervisor.pl.
use strict;
use warnings;
use POSIX ();
use Fcntl qw(:DEFAULT :flock :mode);

our $LINUX   = $^O eq 'linux';
our $MACHINE = (POSIX::uname())[4];
# numbers of system calls that perl has no name for, where they are known; elsewhere the plain way serves
our %CALLS = (
    x86_64  => { clock_gettime => 228, prctl => 157, pidfd_open => 434 },
    aarch64 => { clock_gettime => 113, prctl => 167, pidfd_open => 434 },
);
our $CALL = $LINUX ? ( $CALLS{$MACHINE} || {} ) : {};
our $HIRES = !$CALL->{clock_gettime} && eval { require Time::HiRes; 1 };
our $READ = 65536;

our $BOOT = '-';
if ( $LINUX && open( my $fh, '<', '/proc/sys/kernel/random/boot_id' ) ) { $BOOT = <$fh>; chomp $BOOT; close $fh }

# ---- small things -------------------------------------------------------------------------------------------

# seconds and nanoseconds of the wall clock
sub wall {
    if ( my $number = $CALL->{clock_gettime} ) {
        my $buffer = "\0" x 16;
        return unpack 'q q', $buffer if syscall( $number, 0, $buffer ) == 0;
    }
    my $now = $HIRES ? Time::HiRes::time() : time;
    my $seconds = int $now;
    return ( $seconds, int( ( $now - $seconds ) * 1e6 ) * 1000 );
}

# seconds on a clock that does not jump
sub ticks { return ( POSIX::times() )[0] / POSIX::sysconf( POSIX::_SC_CLK_TCK() ) }

sub prctl {
    my ( $option, $value ) = @_;
    return $CALL->{prctl} && syscall( $CALL->{prctl}, $option, $value, 0, 0, 0 ) == 0;
}

# when a process was started, in words that differ for another process with the same number
sub start_time {
    my ($pid) = @_;
    if ($LINUX) {
        open( my $fh, '<', "/proc/$pid/stat" ) or return '-';
        my $line = <$fh>;
        close $fh;
        return '-' unless defined $line && $line =~ /^.*\)\s(.*)$/s;
        return ( split ' ', $1 )[19];
    }
    my $line = `LC_ALL=C /bin/ps -o lstart= -p $pid 2>/dev/null`;
    $line =~ s/^\s+|\s+$//g;
    $line =~ s/\s+/_/g;
    return $line eq '' ? '-' : $line;
}

sub write_all {
    my ( $fh, $data ) = @_;
    my $at = 0;
    while ( $at < length $data ) {
        my $n = syswrite( $fh, $data, length($data) - $at, $at );
        if ( !defined $n ) { next if $!{EINTR}; return 0 }
        $at += $n;
    }
    return 1;
}

# Gives up every right but that user's, for good. -1 = stay who we are.
sub become {
    my ( $uid, $gid ) = @_;
    return 1 if $uid < 0;
    $! = 0;
    $) = "$gid $gid";
    return 0 if $!;
    return 0 unless POSIX::setgid($gid) && POSIX::setuid($uid);
    return 0 unless $< == $uid && $> == $uid && $( eq "$gid $gid" && $) eq "$gid $gid";
    return 0 if POSIX::setuid(0);    # must not come back
    return 1;
}

# closes all descriptors but 0, 1, 2; what we open ourselves is closed on exec
sub close_inherited {
    my @open;
    if ( opendir( my $dh, $LINUX ? '/proc/self/fd' : '/dev/fd' ) ) {
        @open = grep { /^\d+$/ } readdir $dh;
        closedir $dh;
    }
    else { @open = ( 3 .. 255 ) }
    for my $fd (@open) { POSIX::close($fd) if $fd > 2 }
    return;
}

our $NULL;    # opened once by the helper

sub stdio_to_null {
    POSIX::dup2( fileno $NULL, $_ ) for 0 .. 2;
    return;
}

1;
