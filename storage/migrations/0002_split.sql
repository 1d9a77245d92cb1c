-- Rights that one process has at a time. `until` is by the clock of this server, which all processes share. `pid` and
-- `backend` tell the session of whoever holds it: when a process dies, that ends at once.
create table leases (
    name text collate "C" primary key,
    token bigint not null,
    until timestamptz not null,
    pid integer not null,
    backend timestamptz not null
);

-- Updates that some process took on, so that one that is posted twice is handled once.
create table updates (
    platform text collate "C",
    id bigint,
    at timestamptz not null default now(),
    primary key (platform, id)
);
create index on updates (at);
