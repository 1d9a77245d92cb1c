-- What people were asked and have not answered yet; nothing refers to it, and it is over in an hour.
create table questions (
    here text collate "C",
    person text collate "C",
    line text collate "C" not null,
    until timestamptz not null,
    message text collate "C" not null,
    primary key (here, person)
);
create index questions_until on questions (until);
