# The helper of one cell, and the supervisors that it forks (design §8.10). Perl, because every Debian, Ubuntu and
# macOS has it, because it forks without exec (supervisors share their pages), and because no container may ever
# be a fork of the big Node process. Only modules of Debian's perl-base are used.
#
# The helper reads requests on stdin and answers on stdout, both framed: length (32 bit, network order), then
# fields separated by NUL. It exits when stdin closes; supervisors and their processes stay.
#
#   make   ID DIR UID RECORD            a container's directory, which must not be there yet
#   clear  ID DIR            removes a container's directory, unless something is in its home or tmp
#   start  ID DIR TITLE UID GID NOFILE PIDS OUTBYTES WORKDIR ARGS PATH ARG.. KEY=VALUE..   ARGS = number of ARG
#   watch  ID DIR            tells `gone` once nobody holds the lock (an adopted supervisor has ended)
#   forget ID DIR            releases the lock taken by `watch`
#   read   ID UID GID PATH LIMIT        a regular file, read as that user
#   copy   ID UID GID PATH LIMIT TARGET ROOT..   a regular file below one of the ROOTs, into the empty file TARGET
#   merge  ID UID GID TREE TARGET       moves a tree of files into TARGET, as that user
#   killall ID UID           kills every process of a user (never 0)
#
# Answers: "reply ID ok|started|failed REST", and unasked: "gone DIR EXIT" when a supervisor that started something has
# ended; EXIT as it wrote it to its state file, empty when it did not, or when nobody knows.
use strict;
use warnings;
use POSIX ();
use Fcntl qw(:DEFAULT :flock :mode);

my ($here) = $0 =~ m{^(.*)/};
require "$here/basics.pl";
require "$here/directories.pl";
require "$here/supervise.pl";
require "$here/as-user.pl";

our ( $READ, $NULL );

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

sub work_here {
    my ( $id, $work, @args ) = @_;
    my $text = eval { $work->(@args) };
    return answer( 'reply', $id, 'ok', $text ) if defined $text;
    my $problem = $@;
    chomp $problem;
    return answer( 'reply', $id, 'failed', $problem );
}

sub handle_start {
    my ( $id, @fields ) = @_;
    eval { make_process( $fields[0] ) } // do { chomp( my $problem = $@ ); return answer( 'reply', $id, 'failed', $problem ) };
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
    else { answer( 'gone', $dir, '' ) }
    look_at($dir) if $watched{$dir};    # `gone` goes out before the reply: whoever waits for it knows the state
    answer( 'reply', $id, 'ok', '' );
    return;
}

sub look_at {
    my ($dir) = @_;
    my $entry = $watched{$dir};
    return if $entry->{gone} || !flock( $entry->{fh}, LOCK_EX | LOCK_NB );
    $entry->{gone} = 1;    # and keep the lock until told to forget: a start that comes late finds it taken
    answer( 'gone', $dir, '' );
    return;
}

sub handle {
    my ( $verb, $id, @fields ) = split /\0/, $_[0], -1;
    if    ( $verb eq 'start' )   { handle_start( $id, @fields ) }
    elsif ( $verb eq 'make' )    { work_here( $id, \&make_container, @fields ) }
    elsif ( $verb eq 'clear' )   { work_here( $id, \&clear_container, @fields ) }
    elsif ( $verb eq 'watch' )   { handle_watch( $id, @fields ) }
    elsif ( $verb eq 'forget' )  { delete $watched{ $fields[0] }; answer( 'reply', $id, 'ok', '' ) }
    elsif ( $verb eq 'read' )    { fork_work( $id, \&read_as, @fields ) }
    elsif ( $verb eq 'copy' )    { fork_work( $id, \&copy_as, @fields ) }
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
    if ( $n && !$channel->{told} && $channel->{kind} eq 'supervisor' && $channel->{text} =~ s/^started\0// ) {
        answer( 'reply', $channel->{id}, 'started', '' );
        $channel->{told} = 1;
    }
    return if $n;
    delete $channels{$fd};
    vec( $listening, $fd, 1 ) = 0;
    close $channel->{fh};
    waitpid( $channel->{pid}, 0 );
    return answer( 'gone', $channel->{dir}, $channel->{text} ) if $channel->{told};
    my ( $state, $rest ) = split /\0/, $channel->{text}, 2;
    answer( 'reply', $channel->{id}, $state // 'failed', $rest // 'vanished' );
    return;
}

close_inherited();
sysopen( $NULL, '/dev/null', O_RDWR ) or die "/dev/null: $!\n";
$0 = 'outcry-helper';
# Ctrl-C is the platform's to handle: it closes our stdin. Supervisors inherit this.
$SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM PIPE USR1 USR2);
umask 0022;
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
