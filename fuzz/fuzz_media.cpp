// Media files from anybody: what they are, what their headers say, and copies of them without
// metadata; and what a worker process, taken over by a picture, may answer.
#include "fuzz/input.h"
#include "media/iso_media.h"
#include "media/protocol.h"
#include "media/sniff.h"
#include "media/worker/container.h"

namespace {

using namespace perdure;
using namespace perdure::media;

void sniffed(ByteView bytes) {
    auto const type = sniff(bytes);
    PD_ASSERT(!type.media_type.empty());
    auto const* const known = find_type(type.media_type);
    PD_ASSERT((known != nullptr) == (type.media_type != "application/octet-stream"));
    if (known) PD_ASSERT(known->kind == type.kind);
}

void film(fuzz::Input input) {
    auto const step = input.byte() + 1;
    IsoScan whole, pieces;
    whole.feed(input.rest());
    for (auto rest = input.rest(); !rest.empty();) {
        auto const part = std::min<std::size_t>(step, rest.size());
        pieces.feed(rest.first(part));
        rest = rest.subspan(part);
    }
    PD_ASSERT(whole.done() == pieces.done());
    auto const a = whole.facts(), b = pieces.facts();
    PD_ASSERT(a.width == b.width && a.height == b.height && a.taken == b.taken);
    PD_ASSERT(a.located == b.located);
}

void protocol(ByteView bytes) {
    if (auto const task = decode_task(bytes)) {
        PD_ASSERT(std::ranges::equal(encode_task(*task), bytes));
    }
    auto const answer = decode_answer(bytes);
    if (answer) {
        auto const again = decode_answer(encode_answer(answer));
        PD_ASSERT(again && again->bytes == answer->bytes);
        PD_ASSERT(again->facts.caption == answer->facts.caption);
    }
}

constexpr std::string_view png_front = "\x89PNG\r\n\x1a\n";

void stripped(ByteView bytes, Strip strip) {
    using namespace worker;
    Bytes png = to_bytes(png_front);
    append(png, bytes);
    if (auto const out = strip_png(png, strip)) {
        PD_ASSERT(as_text(*out).starts_with(png_front) && out->size() <= png.size());
        auto const again = strip_png(*out, strip);
        PD_ASSERT(again && *again == *out);
    }
    if (auto const out = strip_jpeg_rest(bytes, strip)) {
        PD_ASSERT(out->size() <= bytes.size());
        auto const again = strip_jpeg_rest(*out, strip);
        PD_ASSERT(again && *again == *out);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const kind = input.byte() % 5;
    if (kind == 0) sniffed(input.rest());
    if (kind == 1) film(input);
    if (kind == 2) protocol(input.rest());
    if (kind > 2) stripped(input.rest(), kind == 3 ? Strip::location : Strip::everything);
    return 0;
}
