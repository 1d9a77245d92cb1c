-- What a command or a round planned carries its trace, so that the log of whoever sends it can be followed back.
alter table deliveries add column trace text not null default '';

-- `texts` are those of the day that the page shows.
create table pages (
    id text collate "C" primary key,
    chat text collate "C" not null,
    at timestamptz not null,
    day date not null,
    document bytea not null,
    texts bytea[] not null
);
create index on pages (chat, at, id);
create index on pages (day, id);

-- The papers and summaries that the pages of a day show, each once, by a hash of what it says.
create table page_texts (
    day date,
    hash bytea,
    content bytea not null,
    primary key (day, hash)
);

-- The papers of a day that can be searched.
create table archive (
    day date primary key,
    ids text[] not null,
    papers text not null
);
create index on archive using gin (ids);
