#include <utility>

#include "persistence/redis/redis_reader_impl.hpp"

namespace holdfast::persistence {
namespace {

#if HIREDIS_MAJOR >= 1
using array_size = std::size_t;
#else
using array_size = int;
#endif

// An idle reader gives back what a large reply took, but not what ordinary batches need.
constexpr std::size_t idle_bytes_max = 1U << 20U;

redis_reply* place(const redisReadTask* task) {
  auto* reply = static_cast<redis_reply*>(task->privdata);
  if (task->parent != nullptr) reply = &static_cast<redis_reply*>(task->parent->obj)->elements[task->idx];
  reply->elements.clear();
  return reply;
}

void* on_text(const redisReadTask* task, char* text, std::size_t size) {
  auto* reply = place(task);
  reply->kind = task->type == REDIS_REPLY_ERROR    ? redis_reply::kind::error
                : task->type == REDIS_REPLY_STATUS ? redis_reply::kind::status
                                                   : redis_reply::kind::text;
  reply->text.assign(text, size);
  return reply;
}

void* on_array(const redisReadTask* task, array_size size) {
  if (size < 0 || static_cast<std::size_t>(size) > redis_reader::elements_max) return nullptr;
  auto* reply = place(task);
  reply->kind = redis_reply::kind::array;
  reply->elements.resize(static_cast<std::size_t>(size));
  return reply;
}

void* on_integer(const redisReadTask* task, long long value) {  // NOLINT(google-runtime-int): the library's type
  auto* reply = place(task);
  reply->kind = redis_reply::kind::integer;
  reply->integer = value;
  return reply;
}

void* on_nothing(const redisReadTask* task) {
  auto* reply = place(task);
  reply->kind = redis_reply::kind::nothing;
  return reply;
}

redisReplyObjectFunctions makers() {
  redisReplyObjectFunctions f{};
  f.createString = on_text;
  f.createArray = on_array;
  f.createInteger = on_integer;
  f.createNil = on_nothing;
  f.freeObject = [](void*) {};
  return f;
}

}  // namespace

redis_reader::redis_reader(std::size_t bytes_max) : bytes_max_(bytes_max) {
  static redisReplyObjectFunctions functions = makers();
  reader_.reset(::redisReaderCreateWithFunctions(&functions));
  reader_->privdata = &root_;
  reader_->maxbuf = idle_bytes_max;
}

void redis_reader::fail(std::string why) { error_ = "not a Redis answer: " + std::move(why); }

bool redis_reader::feed(std::string_view bytes) {
  if (reader_->len - reader_->pos > bytes_max_)
    fail("longer than " + std::to_string(bytes_max_) + " bytes");
  else if (::redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
    fail(reader_->errstr);
  return error_.empty();
}

redis_reply* redis_reader::next() {
  void* reply = nullptr;
  if (!error_.empty()) return nullptr;
  if (::redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) fail(reader_->errstr);
  return static_cast<redis_reply*>(reply);
}

}  // namespace holdfast::persistence
