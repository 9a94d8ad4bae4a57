# One supervisor and its process. Read by supervisor.pl.
#
# A supervisor keeps in DIR: out.0 and out.1 (bounded, rotating, there once something was said), and `state`, which it
# finds there, holds locked (flock) while it lives, and adds lines to:
#   started SUPERVISOR PID START-TIME BOOT-ID
#   ended {"code":0,"signal":0,"lost":false,"clean":true}
# One small file, since tasks come by the hundred and a file is the dearest thing about them.
use strict;
use warnings;
use POSIX ();
use Fcntl qw(:DEFAULT :flock :mode);

our ( $LINUX, $CALL, $READ, $BOOT );

# ---- the process itself: never returns ----------------------------------------------------------------------

sub program_of {
    my ( $path, $env ) = @_;
    my @candidates = $path =~ m{/} ? ($path) : map { ( $_ eq '' ? '.' : $_ ) . "/$path" } split /:/, $env->{PATH} || '';
    my $problem = 'no such file or directory';
    for my $candidate (@candidates) {
        next unless -e $candidate;
        if ( -d _ ) { $problem = 'is a directory'; next }
        return ( $candidate, undef ) if -x $candidate;
        $problem = 'permission denied';
    }
    return ( undef, $problem );
}

# `ulimit -u` in bash (macOS) is `ulimit -p` in dash; a limit over the hard limit becomes the hard limit
my $LIMIT = 'if [ "$1" -gt 0 ]; then ulimit -n "$1" 2>/dev/null || ulimit -n "$(ulimit -Hn)"; fi; '
  . 'if [ "$2" -gt 0 ]; then ulimit -u "$2" 2>/dev/null || ulimit -p "$2" 2>/dev/null; fi; shift 2; exec "$@"';

sub run_process {
    my ( $req, $go, $status ) = @_;
    my $fail = sub { write_all( $status, $_[0] ); POSIX::_exit(127) };
    sysread( $go, my $word, 1 ) or POSIX::_exit(127);    # the supervisor vanished before it knew of us
    POSIX::setsid();
    $SIG{$_} = 'DEFAULT' for qw(HUP INT QUIT TERM PIPE USR1 USR2 CHLD);
    umask 0022;
    become( $req->{uid}, $req->{gid} ) or $fail->("cannot become user $req->{uid}: $!");
    # when the machine's memory is used up, it is an application that goes, and neither its supervisor nor the platform
    if ( $LINUX && open( my $fh, '>', '/proc/self/oom_score_adj' ) ) { syswrite $fh, '500'; close $fh }
    prctl( 38, 1 );                                       # no_new_privs: no set-uid program helps an application out
    chdir $req->{workdir} or $fail->("working directory: $!");
    %ENV = %{ $req->{env} };
    my ( $program, $problem ) = program_of( $req->{argv}[0], $req->{env} );
    $fail->("$req->{argv}[0]: $problem") unless defined $program;
    my ( $name, @args ) = @{ $req->{argv} };
    if ( $req->{nofile} > 0 || $req->{pids} > 0 ) {
        no warnings 'exec';
        exec {'/bin/sh'} 'sh', '-c', $LIMIT, 'sh', $req->{nofile}, $req->{pids}, $program, @args;
    }
    { no warnings 'exec'; exec {$program} $name, @args; }
    $fail->( "$name: " . lc "$!" );
    return;
}

# ---- output files -------------------------------------------------------------------------------------------
# Generation g lives in out.(g mod 2). A file starts with "OUTC", its generation and, in 64 bits, how many bytes of
# records came before it, those that a full disk lost included: so a reader knows what it has missed. A record is
# stream (1, 2), three bytes of zero, length, seconds, nanoseconds (32 bit each, network order), then its bytes.

sub open_output {
    my ($out) = @_;
    my $path = "$out->{dir}/out." . ( $out->{generation} % 2 );
    close delete $out->{fh} if $out->{fh};
    unlink "$path.new";
    sysopen( my $fh, "$path.new", O_WRONLY | O_CREAT | O_EXCL, 0600 ) or return;
    my @before = ( int( $out->{before} / 2**32 ), $out->{before} % 2**32 );
    return unless write_all( $fh, pack( 'a4 N N N', 'OUTC', $out->{generation}, @before ) ) && rename( "$path.new", $path );
    $out->{fh} = $fh;
    $out->{size} = 16;
    return;
}

sub write_output {
    my ( $out, $stream, $data ) = @_;
    if ( $out->{size} >= $out->{limit} || !$out->{fh} ) {
        if ( $out->{fh} ) { $out->{generation} += 1; $out->{before} += $out->{size} - 16 }
        open_output($out);
    }
    my $record = pack( 'C x3 N N N', $stream, length $data, wall() ) . $data;
    if ( !$out->{fh} ) { $out->{before} += length $record; return }    # a full disk loses output, never the application
    if ( write_all( $out->{fh}, $record ) ) { $out->{size} += length $record }
    else { truncate( $out->{fh}, $out->{size} ); sysseek( $out->{fh}, $out->{size}, 0 ); $out->{before} += length $record }
    return;
}

# ---- the supervisor: never returns --------------------------------------------------------------------------

# descendants that left the process group come to us, as their subreaper (Linux)
sub kill_strays {
    return unless $LINUX && open( my $fh, '<', "/proc/$$/task/$$/children" );
    my @strays = split ' ', <$fh> // '';
    close $fh;
    kill 'KILL', @strays if @strays;
    return;
}

# After the process itself: whatever it left. True when it is certain that nothing lives on, which a subreaper knows.
sub reap_strays {
    for my $round ( 1 .. 100 ) {
        my $gone = waitpid( -1, POSIX::WNOHANG() );
        return 1 if $gone == -1;
        next if $gone > 0;
        kill_strays();
        select undef, undef, undef, 0.01;
    }
    return 0;
}

sub exit_of {
    my ( $status, $clean ) = @_;
    my $signal = $status & 127;
    my $code = $signal ? 128 + $signal : $status >> 8;
    return sprintf '{"code":%d,"signal":%d,"lost":false,"clean":%s}', $code, $signal, $clean ? 'true' : 'false';
}

# pumps output until the process has ended and its pipes are empty; answers the wait status
sub pump {
    my ( $pid, $out, @sources ) = @_;
    my $pidfd = $CALL->{pidfd_open} ? syscall( $CALL->{pidfd_open}, $pid, 0 ) : -1;
    my ( $status, $deadline );
    while ( !defined $status || ( grep { $_->{open} } @sources ) ) {
        my $ready = '';
        for my $source (@sources) { vec( $ready, $source->{fd}, 1 ) = 1 if $source->{open} }
        vec( $ready, $pidfd, 1 ) = 1 if $pidfd >= 0 && !defined $status;
        # without a pidfd a SIGCHLD just before select would be slept through: look again every second
        my $count = select( $ready, undef, undef, defined $status ? 0.05 : $pidfd >= 0 ? undef : 1 );
        for my $source ( $count > 0 ? @sources : () ) {
            next unless $source->{open} && vec( $ready, $source->{fd}, 1 );
            my $n = sysread( $source->{fh}, my $data, $READ );
            if ($n) { write_output( $out, $source->{stream}, $data ) }
            elsif ( defined $n || !$!{EINTR} ) { close $source->{fh}; $source->{open} = 0 }
        }
        while ( ( my $gone = waitpid( -1, POSIX::WNOHANG() ) ) > 0 ) { $status = $? if $gone == $pid }
        next unless defined $status;
        kill 'KILL', -$pid;
        kill_strays();
        $deadline //= ticks() + 2;
        last if ticks() >= $deadline;    # something that left the group holds the pipes open
    }
    return $status;
}

sub supervise {
    my ( $req, $report ) = @_;
    my $dir = $req->{dir};
    my $fail = sub { write_all( $report, "failed\0$_[0]" ); POSIX::_exit(1) };
    POSIX::setsid();
    stdio_to_null();
    $SIG{CHLD} = sub { };             # only to wake select
    $0 = "outcry-supervisor $req->{title}";
    umask 0077;
    # whoever holds the lock decides: if the platform has declared this start dead, it is dead
    sysopen( my $state, "$dir/state", O_WRONLY | O_APPEND ) or $fail->("no container: $!");
    flock( $state, LOCK_EX | LOCK_NB ) or $fail->('given up');
    my $out = { dir => $dir, generation => 0, before => 0, limit => $req->{outbytes}, size => 0 };
    my $subreaper = prctl( 36, 1 );
    pipe( my $out_r, my $out_w ) && pipe( my $err_r, my $err_w ) or $fail->("pipe: $!");
    pipe( my $go_r,  my $go_w )  && pipe( my $st_r,  my $st_w )  or $fail->("pipe: $!");
    my $pid = fork // $fail->("fork: $!");
    if ( !$pid ) {
        close $go_w;
        POSIX::dup2( fileno $out_w, 1 );
        POSIX::dup2( fileno $err_w, 2 );
        run_process( $req, $go_r, $st_w );
    }
    close $_ for $out_w, $err_w, $go_r, $st_w;
    my $started = start_time($pid);
    write_all( $state, "started $$ $pid $started $BOOT\n" ) or $fail->("state file: $!");
    syswrite( $go_w, '!' );
    close $go_w;
    my $problem = '';
    while (1) {
        my $n = sysread( $st_r, $problem, 4096, length $problem );
        last if defined $n ? $n == 0 : !$!{EINTR};
    }
    close $st_r;
    if ( $problem ne '' ) { waitpid( $pid, 0 ); $fail->($problem) }
    write_all( $report, "started\0" );
    my $status = pump( $pid, $out,
        { fh => $out_r, fd => fileno $out_r, stream => 1, open => 1 },
        { fh => $err_r, fd => fileno $err_r, stream => 2, open => 1 } );
    my $clean = reap_strays() && $subreaper;
    my $exit = exit_of( $status, $clean );
    # nothing that a full disk kept from its file is told: what is told must be found there again
    write_all( $report, $exit ) if write_all( $state, "ended $exit\n" );
    POSIX::_exit(0);
    return;
}

1;
