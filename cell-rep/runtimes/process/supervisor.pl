# The helper of one cell, and the supervisors that it forks (design §8.10). Perl, because every Debian, Ubuntu and
# macOS has it, because it forks without exec (supervisors share their pages), and because no container may ever
# be a fork of the big Node process. Only modules of Debian's perl-base are used.
#
# The helper reads requests on stdin and answers on stdout, both framed: length (32 bit, network order), then
# fields separated by NUL. It exits when stdin closes; supervisors and their processes stay.
#
#   start  ID DIR TITLE UID GID NOFILE PIDS OUTBYTES WORKDIR ARGS PATH ARG.. KEY=VALUE..   ARGS = number of ARG
#   watch  ID DIR            tells `gone` once nobody holds the lock (an adopted supervisor has ended)
#   forget ID DIR            releases the lock taken by `watch`
#   read   ID UID GID PATH LIMIT        a regular file, read as that user
#   merge  ID UID GID TREE TARGET       moves a tree of files into TARGET, as that user
#   killall ID UID           kills every process of a user (never 0)
#
# Answers: "reply ID ok|started|failed REST", and unasked: "gone DIR" when a supervisor that started something has ended.
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

my $LINUX   = $^O eq 'linux';
my $MACHINE = (POSIX::uname())[4];
# numbers of system calls that perl has no name for, where they are known; elsewhere the plain way serves
my %CALLS = (
    x86_64  => { clock_gettime => 228, prctl => 157, pidfd_open => 434 },
    aarch64 => { clock_gettime => 113, prctl => 167, pidfd_open => 434 },
);
my $CALL = $LINUX ? ( $CALLS{$MACHINE} || {} ) : {};
my $HIRES = !$CALL->{clock_gettime} && eval { require Time::HiRes; 1 };
my $READ = 65536;

my $BOOT = '-';
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

my $NULL;    # opened once by the helper

sub stdio_to_null {
    POSIX::dup2( fileno $NULL, $_ ) for 0 .. 2;
    return;
}

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
# Generation g lives in out.(g mod 2). A file starts with "OUTC", its generation and 8 bytes of zero; a record is
# stream (1, 2), three bytes of zero, length, seconds, nanoseconds (32 bit each, network order), then its bytes.

sub open_output {
    my ($out) = @_;
    my $path = "$out->{dir}/out." . ( $out->{generation} % 2 );
    close delete $out->{fh} if $out->{fh};
    unlink "$path.new";
    sysopen( my $fh, "$path.new", O_WRONLY | O_CREAT | O_EXCL, 0600 ) or return;
    return unless write_all( $fh, pack( 'a4 N x8', 'OUTC', $out->{generation} ) ) && rename( "$path.new", $path );
    $out->{fh} = $fh;
    $out->{size} = 16;
    return;
}

sub write_output {
    my ( $out, $stream, $data ) = @_;
    if ( $out->{size} >= $out->{limit} || !$out->{fh} ) { $out->{generation} += 1 if $out->{fh}; open_output($out) }
    return unless $out->{fh};    # a full disk loses output, never the application
    my $record = pack( 'C x3 N N N', $stream, length $data, wall() ) . $data;
    if ( write_all( $out->{fh}, $record ) ) { $out->{size} += length $record }
    else { truncate( $out->{fh}, $out->{size} ); sysseek( $out->{fh}, $out->{size}, 0 ) }
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
    my $out = { dir => $dir, generation => 0, limit => $req->{outbytes}, size => 0 };
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
    write_all( $state, 'ended ' . exit_of( $status, $clean ) . "\n" );
    POSIX::_exit(0);
    return;
}

# ---- work done as the container's user: answers text, dies with a reason ------------------------------------

sub read_as {
    my ( $uid, $gid, $path, $limit ) = @_;
    become( $uid, $gid ) or die "user: $!\n";
    sysopen( my $fh, $path, O_RDONLY | O_NONBLOCK ) or die $!{ENOENT} || $!{ENOTDIR} ? "absent\n" : "unreadable\n";
    my @stat = stat $fh;
    die "unreadable\n" unless S_ISREG( $stat[2] );
    die "too-large\n" if $stat[7] > $limit;
    my $data = '';
    while ( length $data <= $limit ) {
        my $n = sysread( $fh, $data, $READ, length $data );
        die "unreadable\n" unless defined $n;
        last if $n == 0;
    }
    die "too-large\n" if length $data > $limit;
    return $data;
}

sub make_path {
    my ($path) = @_;
    my $at = '';
    for my $part ( grep { $_ ne '' } split m{/}, $path ) {
        $at .= "/$part";
        next if -d $at;
        mkdir( $at, 0755 ) or $!{EEXIST} or die "cannot make $part: $!\n";
    }
    return;
}

# moves what is in the current directory's $from to $to; directories that both have are merged, the rest replaced
sub move_tree {
    my ( $from, $to ) = @_;
    my $new_is_dir = -d $from && !-l $from;
    my $old_is_dir = -d $to && !-l $to;
    if ( !$new_is_dir || !$old_is_dir ) {
        die "a directory is in the way: $to\n" if $old_is_dir;
        unlink $to if $new_is_dir && ( -l $to || -e $to );
        rename( $from, $to ) or die "cannot move: $!\n";
        return;
    }
    opendir( my $dh, $from ) or die "cannot list: $!\n";
    my @names = grep { $_ ne '.' && $_ ne '..' } readdir $dh;
    closedir $dh;
    move_tree( "$from/$_", "$to/$_" ) for @names;
    rmdir $from;
    return;
}

sub merge_as {
    my ( $uid, $gid, $tree, $target ) = @_;
    my ( $parent, $name ) = $tree =~ m{^(.*)/([^/]+)$} or die "bad tree\n";
    chdir $parent or die "staging: $!\n";    # its parents are closed to the user: from here on only relative paths
    become( $uid, $gid ) or die "user: $!\n";
    umask 0022;
    my ($above) = $target =~ m{^(.*)/[^/]*$};
    make_path($above);
    if ( -d $name && !-l $name ) { make_path($target) }
    elsif ( -d $target ) { die "a directory is in the way\n" }
    move_tree( $name, $target );
    return '';
}

sub kill_all_of {
    my ($uid) = @_;
    die "never root\n" if $uid <= 0;
    become( $uid, $uid ) or die "user: $!\n";
    kill 'KILL', -1;    # everything this user may signal; on Linux not ourselves
    return '';
}

# ---- the helper ---------------------------------------------------------------------------------------------

my %channels;    # descriptor → what is at its other end
my %watched;     # dir → file handle on its lock
my $listening = '';
my $input = '';

sub answer {
    my $text = join "\0", @_;
    write_all( \*STDOUT, pack( 'N', length $text ) . $text ) or exit 0;
    return;
}

# forks; the parent hears of what the child writes
sub fork_off {
    my ( $channel, $child ) = @_;
    my ( $reader, $writer );
    pipe( $reader, $writer ) or return answer( 'reply', $channel->{id}, 'failed', "pipe: $!" );
    my $pid = fork;
    return answer( 'reply', $channel->{id}, 'failed', "fork: $!" ) unless defined $pid;
    if ( !$pid ) {
        close $reader;
        # by perl's own close: it counts users per descriptor, and would never really close the next one of that number
        close $_->{fh} for values %channels, values %watched;
        eval { $child->($writer); 1 } or write_all( $writer, "failed\0$@" );
        POSIX::_exit(0);
    }
    close $writer;
    my $fd = fileno $reader;
    vec( $listening, $fd, 1 ) = 1;
    $channels{$fd} = { %$channel, fh => $reader, pid => $pid, text => '' };
    return;
}

sub fork_work {
    my ( $id, $work, @args ) = @_;
    return fork_off( { id => $id, kind => 'work' }, sub {
        my ($writer) = @_;
        my $text = eval { $work->(@args) };
        if ( defined $text ) { write_all( $writer, "ok\0$text" ) }
        else { my $problem = $@; chomp $problem; write_all( $writer, "failed\0$problem" ) }
    } );
}

sub handle_start {
    my ( $id, @fields ) = @_;
    my %req;
    @req{qw(dir title uid gid nofile pids outbytes workdir)} = splice @fields, 0, 8;
    $req{argv} = [ splice @fields, 0, 1 + shift @fields ];
    my %env;
    for my $entry (@fields) { my ( $key, $value ) = split /=/, $entry, 2; $env{$key} = $value }
    $req{env} = \%env;
    return fork_off( { id => $id, kind => 'supervisor', dir => $req{dir} }, sub { supervise( \%req, $_[0] ) } );
}

sub handle_watch {
    my ( $id, $dir ) = @_;
    my $fh;
    if ( $watched{$dir} || sysopen( $fh, "$dir/state", O_RDWR ) ) { $watched{$dir} ||= { fh => $fh, gone => 0 } }
    else { answer( 'gone', $dir ) }
    look_at($dir) if $watched{$dir};    # `gone` goes out before the reply: whoever waits for it knows the state
    answer( 'reply', $id, 'ok', '' );
    return;
}

sub look_at {
    my ($dir) = @_;
    my $entry = $watched{$dir};
    return if $entry->{gone} || !flock( $entry->{fh}, LOCK_EX | LOCK_NB );
    $entry->{gone} = 1;    # and keep the lock until told to forget: a start that comes late finds it taken
    answer( 'gone', $dir );
    return;
}

sub handle {
    my ( $verb, $id, @fields ) = split /\0/, $_[0], -1;
    if    ( $verb eq 'start' )   { handle_start( $id, @fields ) }
    elsif ( $verb eq 'watch' )   { handle_watch( $id, @fields ) }
    elsif ( $verb eq 'forget' )  { delete $watched{ $fields[0] }; answer( 'reply', $id, 'ok', '' ) }
    elsif ( $verb eq 'read' )    { fork_work( $id, \&read_as, @fields ) }
    elsif ( $verb eq 'merge' )   { fork_work( $id, \&merge_as, @fields ) }
    elsif ( $verb eq 'killall' ) { fork_work( $id, \&kill_all_of, @fields ) }
    else                         { answer( 'reply', $id, 'failed', 'unknown request' ) }
    return;
}

sub hear_stdin {
    my $n = sysread( STDIN, $input, $READ, length $input );
    return if !defined $n && $!{EINTR};
    exit 0 unless $n;
    while ( length $input >= 4 ) {
        my $length = unpack 'N', $input;
        last if length $input < 4 + $length;
        my $request = substr $input, 4, $length;
        substr( $input, 0, 4 + $length ) = '';
        handle($request);
    }
    return;
}

sub hear_channel {
    my ($fd) = @_;
    my $channel = $channels{$fd};
    my $n = sysread( $channel->{fh}, $channel->{text}, $READ, length $channel->{text} );
    return if !defined $n && $!{EINTR};
    if ( $n && $channel->{kind} eq 'supervisor' && $channel->{text} =~ /^started/ ) {
        answer( 'reply', $channel->{id}, split( /\0/, $channel->{text}, 2 ) );
        $channel->{told} = 1;
    }
    return if $n;
    delete $channels{$fd};
    vec( $listening, $fd, 1 ) = 0;
    close $channel->{fh};
    waitpid( $channel->{pid}, 0 );
    return answer( 'gone', $channel->{dir} ) if $channel->{told};
    my ( $state, $rest ) = split /\0/, $channel->{text}, 2;
    answer( 'reply', $channel->{id}, $state // 'failed', $rest // 'vanished' );
    return;
}

close_inherited();
sysopen( $NULL, '/dev/null', O_RDWR ) or die "/dev/null: $!\n";
$0 = 'outcry-helper';
# Ctrl-C is the platform's to handle: it closes our stdin. Supervisors inherit this.
$SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM PIPE USR1 USR2);
binmode STDIN;
binmode STDOUT;
vec( $listening, 0, 1 ) = 1;
while (1) {
    my $ready = $listening;
    my $count = select( $ready, undef, undef, %watched ? 0.5 : undef );
    if ( $count > 0 ) {
        for my $fd ( keys %channels ) { hear_channel($fd) if vec( $ready, $fd, 1 ) }
        hear_stdin() if vec( $ready, 0, 1 );
    }
    look_at($_) for keys %watched;
}
