#include "persistence/zstd_frame.hpp"

#include <zstd.h>

#include <memory>

namespace holdfast::persistence {
namespace {

// A context holds buffers worth keeping between calls.
ZSTD_CCtx* compression() {
  thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  return context.get();
}

ZSTD_DCtx* decompression() {
  thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  return context.get();
}

store_failure broken() { return {store_errc::corrupt, "compressed data is damaged"}; }

}  // namespace

std::optional<std::string> compressed(std::string_view bytes, int level) {
  ZSTD_CCtx* context = compression();
  if (context == nullptr) return std::nullopt;
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress2(context, frame.data(), frame.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) return std::nullopt;
  frame.resize(size);
  return frame;
}

result<std::string> decompressed(std::string_view frame, std::size_t max) {
  const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) return broken();
  if (size > max) return store_failure{store_errc::corrupt, "the text is longer than allowed"};
  // More frames could follow, and be skipped without a word.
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) return broken();
  ZSTD_DCtx* context = decompression();
  std::string bytes(size, '\0');
  if (context == nullptr) return store_failure{store_errc::unavailable, "no memory to decompress with"};
  if (ZSTD_decompressDCtx(context, bytes.data(), bytes.size(), frame.data(), frame.size()) != size) return broken();
  return bytes;
}

}  // namespace holdfast::persistence
