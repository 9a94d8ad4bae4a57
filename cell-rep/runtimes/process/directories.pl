# Directories of containers and processes, as layout.ts describes them. Read by supervisor.pl. The helper does this in its
# own turn, since it is a few calls each; Node would take ten times as long.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock :mode);

sub make_own {
    my ( $dir, $uid ) = @_;
    mkdir( $dir, 0700 ) or die "cannot make $dir: $!\n";
    return if $uid < 0;
    chown( $uid, $uid, $dir ) or die "cannot give $dir to user $uid: $!\n";
    return;
}

sub new_file {
    my ( $path, $text ) = @_;
    sysopen( my $fh, $path, O_WRONLY | O_CREAT | O_EXCL, 0600 ) or die "cannot make $path: $!\n";
    write_all( $fh, $text ) or die "cannot write $path: $!\n";
    return;
}

sub make_container {
    my ( $dir, $uid, $record ) = @_;
    mkdir( $dir, 0711 ) or die $!{EEXIST} ? "exists\n" : "cannot make $dir: $!\n";
    make_own( "$dir/$_", $uid ) for qw(home tmp);
    new_file( "$dir/container.json", $record );    # last: a container without a whole record was never made
    return '';
}

# for a supervisor to find, lock, and add to
sub make_process {
    my ($dir) = @_;
    mkdir( $dir, 0700 ) or die "cannot make $dir: $!\n";
    new_file( "$dir/state", '' );
    return '';
}

# Removes a container of which nothing runs any more, if its program has left nothing behind: trees may take long.
sub clear_container {
    my ($dir) = @_;
    rename( "$dir/container.json", "$dir/destroyed.json" );
    opendir( my $dh, $dir ) or die "cannot list: $!\n";
    my @names = grep { !/^\.\.?$|^destroyed\.json$/ } readdir $dh;
    closedir $dh;
    for my $name (@names) {
        unlink map { "$dir/$name/$_" } qw(state out.0 out.1 out.0.new out.1.new) if $name =~ /^proc-/;
        rmdir "$dir/$name" or die "not empty\n";
    }
    unlink "$dir/destroyed.json";    # the mark goes last: whoever finds it knows whose the rest is
    rmdir $dir or die "not empty\n";
    return '';
}

1;
