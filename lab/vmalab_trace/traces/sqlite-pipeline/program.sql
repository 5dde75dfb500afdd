-- SPDX-License-Identifier: Apache-2.0
create table word(id integer primary key, text, length);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
insert into word select i, 'word' || (i * 7919 % 4001), i % 13 from n;
create index by_text on word(text);
select length, count(*), max(text) from word group by length order by 2 desc, 1 limit 5;
delete from word where id % 3 = 0;
vacuum;
select count(*), sum(length) from word;
