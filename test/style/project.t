#!/usr/bin/perl
# project.t: the project passes its own checks.
use strict;
use warnings;
use FindBin;
use Test::More;

for my $check ('check-includes', 'check-messages')
{
	my $complaints = `$FindBin::Bin/../../scripts/$check 2>&1`;
	is($complaints, '', "$check finds nothing");
	is($?, 0, "$check succeeds");
}
done_testing();
