-- Summaries that wait for a batch; what is due first is sent first.
create table gathered (
    paper text collate "C",
    version bigint,
    prompt text collate "C",
    model text collate "C",
    language text collate "C",
    due timestamptz not null,
    document json not null,
    primary key (paper, version, prompt, model, language)
);
