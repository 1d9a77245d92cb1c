-- What people chose to act on from elsewhere; nothing refers to it, and it is over in minutes.
create table choices (
    here text collate "C",
    person text collate "C",
    chat text collate "C" not null,
    until timestamptz not null,
    primary key (here, person)
);

-- Commands of a person in the minute since `since`. Unlogged: a command need not wait for the disk, and a crash may forget them.
create unlogged table commands (
    person text collate "C" primary key,
    since timestamptz not null,
    number bigint not null
);
