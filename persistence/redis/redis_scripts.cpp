#include "persistence/redis/redis_scripts.hpp"

#include <string>

// Every script begins with a #!lua line: Redis then refuses it as a whole on a replica, while it has no room or cannot
// write to its disk, instead of somewhere in the middle. Those that free memory, or take next to none, may run without
// room.
//
// Lua passes at most some thousand values to a call, hence the steps of 1000.
namespace holdfast::persistence {
namespace {

const std::string writing = "#!lua\nlocal call=redis.call\n";
const std::string freeing = "#!lua flags=allow-oom\nlocal call=redis.call\n";

const std::string fence = "if call('GET',KEYS[1])~=ARGV[1] then return 2 end\n";

// The index of a slot goes with the last of its entities, so that nothing stays of those that nobody asks for.
const std::string lifetime = R"lua(
local function live(ms,id)
  if ms=='-1' then
    call('PERSIST',KEYS[2])
    call('PERSIST',KEYS[3])
    call('ZADD',KEYS[4],'+inf',id)
    call('PERSIST',KEYS[4])
  else
    local now=call('TIME')
    local at=string.format('%.0f',now[1]*1000+math.floor(now[2]/1000)+ms)
    call('PEXPIREAT',KEYS[2],at)
    call('PEXPIREAT',KEYS[3],at)
    call('ZADD',KEYS[4],at,id)
    if call('ZCARD',KEYS[4])==1 then call('PEXPIREAT',KEYS[4],at) else call('PEXPIREAT',KEYS[4],at,'GT') end
  end
end
local function sweep()
  local now=call('TIME')
  call('ZREMRANGEBYSCORE',KEYS[4],'-inf',string.format('%.0f',(now[1]-60)*1000))
end
)lua";

// A duplicate writes the owner again, for WAIT to have something of this connection to wait for.
const std::string commit = R"lua(
local q=call('HGET',KEYS[2],'q')
if q~=ARGV[2] then
  if q==ARGV[5] and call('HGET',KEYS[2],'d')==ARGV[7] then call('SET',KEYS[1],ARGV[1]) return 1 end
  return 3
end
local n=tonumber(ARGV[3])
call('HSET',KEYS[2],unpack(ARGV,4,n))
if n<#ARGV then call('HDEL',KEYS[2],unpack(ARGV,n+1)) end
return 0
)lua";

// The events come first: if their numbers do not rise, nothing must have been written yet.
const std::string write_all = R"lua(
local n,m=tonumber(ARGV[3]),tonumber(ARGV[7])
for i=m+1,#ARGV,2 do
  local e=redis.pcall('XADD',KEYS[3],ARGV[i],'e',ARGV[i+1])
  if type(e)=='table' and e.err then
    if string.find(e.err,'The ID specified',1,true) then return 3 end
    return e
  end
end
for i=8,n,1000 do call('HSET',KEYS[2],unpack(ARGV,i,math.min(i+999,n))) end
for i=n+1,m,1000 do call('HDEL',KEYS[2],unpack(ARGV,i,math.min(i+999,m))) end
if ARGV[6]~='0' then
  call('XTRIM',KEYS[3],'MINID',ARGV[6])
  if call('XLEN',KEYS[3])==0 then call('DEL',KEYS[3]) end
end
)lua";

const std::string commit_all = R"lua(
local q=call('HGET',KEYS[2],'q') or '0'
if q~=ARGV[2] then
  if q==ARGV[9] and call('HGET',KEYS[2],'d')==ARGV[11] then call('SET',KEYS[1],ARGV[1]) return 1 end
  return 3
end
)lua" + write_all + R"lua(
if q=='0' then sweep() end
if ARGV[4]~='' then live(ARGV[4],ARGV[5])
elseif q=='0' then live('-1',ARGV[5])
elseif m<#ARGV and call('PTTL',KEYS[3])==-1 then
  local at=call('PEXPIRETIME',KEYS[2])
  if at>0 then call('PEXPIREAT',KEYS[3],string.format('%.0f',at)) end
end
return 0
)lua";

const std::string end = R"lua(
local q=call('HGET',KEYS[2],'q')
if not q then call('SET',KEYS[1],ARGV[1]) return 1 end
if q~=ARGV[2] then return 3 end
call('DEL',KEYS[2],KEYS[3])
call('ZREM',KEYS[4],ARGV[3])
return 0
)lua";

const std::string restore = R"lua(
call('DEL',KEYS[2],KEYS[3])
)lua" + write_all + R"lua(
live(ARGV[4],ARGV[5])
return 0
)lua";

const std::string extend = R"lua(
if call('EXISTS',KEYS[2])==0 then return 3 end
live(ARGV[2],ARGV[3])
return 0
)lua";

const std::string expire = R"lua(
if call('DEL',KEYS[2])==0 then call('SET',KEYS[1],ARGV[1]) return 3 end
call('DEL',KEYS[3])
call('ZREM',KEYS[4],ARGV[2])
return 0
)lua";

const std::string claim = R"lua(
local view=call('GET',KEYS[2]) or '0'
if tonumber(view)>tonumber(ARGV[2]) then return false end
if view~=ARGV[2] then call('SET',KEYS[2],ARGV[2]) end
local now=call('GET',KEYS[1])
local epoch=string.format('%.0f',(now and tonumber(string.match(now,'^%d+')) or 0)+1)
call('SET',KEYS[1],epoch..':'..ARGV[1])
return epoch
)lua";

const std::string release = R"lua(
local now=call('GET',KEYS[1])
if now==ARGV[2] then call('SET',KEYS[1],now) return 1 end
if now~=ARGV[1] then return 2 end
call('SET',KEYS[1],ARGV[2])
return 0
)lua";

const std::string change_view = R"lua(
local now=call('GET',KEYS[1])
if now==ARGV[2] then call('SET',KEYS[1],now) return 1 end
if (now and string.match(now,'^%d+') or '0')~=ARGV[1] then return 3 end
call('SET',KEYS[1],ARGV[2])
return 0
)lua";

const std::string mark = R"lua(
local now=call('GET',KEYS[1])
if now then return now end
call('SET',KEYS[1],ARGV[1])
return ARGV[1]
)lua";

const std::string held = "if call('GET',KEYS[1])~=ARGV[1] then return 0 end\n";

// The place to go on is found by an entry that sorts right behind the cursor, for the entry of the cursor itself may be
// gone or have got another score. Entries whose entity has expired are dropped on the way.
const std::string list = R"lua(
local from,want=0,tonumber(ARGV[4])
if ARGV[3]~='' then
  local behind=ARGV[3]..'\0'
  call('ZADD',KEYS[1],ARGV[2],behind)
  from=call('ZRANK',KEYS[1],behind)
  call('ZREM',KEYS[1],behind)
end
local out={''}
while #out<=3*want do
  local page=call('ZRANGE',KEYS[1],from,from+want-1,'WITHSCORES')
  local gone={}
  for i=1,#page,2 do
    local key=ARGV[1]..page[i]
    local open=call('HGET',key,'o')
    if open then
      from=from+1
      out[#out+1]=page[i]
      out[#out+1]=call('PTTL',key)
      out[#out+1]=open
      out[1]=page[i+1]..' '..page[i]
    else
      gone[#gone+1]=page[i]
    end
  end
  if #gone>0 then call('ZREM',KEYS[1],unpack(gone)) end
  if #page<2*want then out[1]='' return out end
end
return out
)lua";

}  // namespace

const redis_scripts& scripts() {
  static const redis_scripts all{
      redis_script(writing + fence + commit),
      redis_script(writing + fence + lifetime + commit_all),
      redis_script(freeing + fence + end),
      redis_script(writing + fence + lifetime + restore),
      redis_script(freeing + fence + lifetime + extend),
      redis_script(freeing + fence + expire),
      redis_script(freeing + claim),
      redis_script(freeing + release),
      redis_script(freeing + change_view),
      redis_script(freeing + mark),
      redis_script(freeing + held + "return call('DEL',KEYS[1])\n"),
      redis_script(freeing + held + "return call('PEXPIRE',KEYS[1],ARGV[2])\n"),
      redis_script(freeing + list),
      redis_script(writing + "return 1\n"),
  };
  return all;
}

}  // namespace holdfast::persistence
