# Work that the helper has done as a container's user: each answers text, or dies with a reason. Read by supervisor.pl.
use strict;
use warnings;
use POSIX ();
use Fcntl qw(:DEFAULT :flock :mode);

our ( $READ, $LINUX );

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

# Copies a regular file into TARGET, which is ours and empty, as that user; only what lies below one of ROOTS, wherever
# links lead: looked at when the file is open, so that nobody can exchange it in between.
sub copy_as {
    my ( $uid, $gid, $path, $limit, $target, @roots ) = @_;
    sysopen( my $to, $target, O_WRONLY ) or die "unreadable\n";
    become( $uid, $gid ) or die "user: $!\n";
    my $flags = O_RDONLY | O_NONBLOCK | ( $LINUX ? 0 : O_NOFOLLOW );
    sysopen( my $fh, $path, $flags ) or die $!{ENOENT} || $!{ENOTDIR} ? "absent\n" : "unreadable\n";
    my $real = $LINUX ? readlink( '/proc/self/fd/' . fileno $fh ) // '' : $path;
    die "outside\n" unless grep { index( $real, "$_/" ) == 0 } @roots;
    my @stat = stat $fh;
    die "unreadable\n" unless S_ISREG( $stat[2] );
    my $copied = 0;
    while (1) {
        my $n = sysread( $fh, my $data, $READ );
        die "unreadable\n" unless defined $n;
        last if $n == 0;
        $copied += $n;
        die "too-large\n" if $copied > $limit;
        write_all( $to, $data ) or die "cannot write the copy: $!\n";
    }
    return $copied;
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

1;
