// JSON from anybody, by both parsers: what is accepted is written back and read again alike, in
// pieces of any size too, and neither takes what the other knows to be no JSON.
#include "data/json.h"
#include "format/record/json_text.h"
#include "format/record/json_tree.h"
#include "fuzz/input.h"

namespace {

using namespace perdure;

/// Gives a few bytes at a time.
class Trickle : public data::ByteSource {
public:
    Trickle(ByteView bytes, std::size_t step) : bytes_(bytes), step_(step) {}
    Result<std::size_t> read(ByteSpan into) override {
        auto const count = std::min({into.size(), step_, bytes_.size()});
        std::copy_n(bytes_.begin(), count, into.begin());
        bytes_ = bytes_.subspan(count);
        return count;
    }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    ByteView bytes_;
    std::size_t step_;
};

/// The events until the end or the first error.
std::string events(format::JsonReader& reader) {
    std::string told;
    while (true) {
        auto const event = reader.next();
        PD_ASSERT(reader.depth() <= 64);
        if (!event) return told + "!" + event.error().message();
        told += static_cast<char>('a' + static_cast<int>(*event));
        if (*event == format::JsonEvent::end) return told;
        told += std::string(reader.text()) + "\n";
    }
}

void documents(std::string_view text) {
    auto const parsed = data::Json::parse(text);
    auto const read = format::read_json(text);
    if (parsed) {
        auto const canonical = parsed->canonical();
        auto const again = data::Json::parse(canonical);
        PD_ASSERT(again && again->canonical() == canonical);
        auto const pretty = data::Json::parse(parsed->pretty());
        PD_ASSERT(pretty && pretty->canonical() == canonical);
        // Their limits differ by one level and in the length of a number.
        PD_ASSERT(read || read.error().fault() == Fault::exhausted);
    }
    if (!read) return;
    std::string written, rewritten;
    format::write_json(written, *read);
    auto const again = format::read_json(written);
    PD_ASSERT(again);
    format::write_json(rewritten, *again);
    PD_ASSERT(written == rewritten);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const step = input.byte() + 1;
    auto const text = input.rest_as_text();
    documents(text);
    format::JsonReader whole(text);
    Trickle source(input.rest(), step);
    format::JsonReader pieces(source);
    PD_ASSERT(events(whole) == events(pieces));
    return 0;
}
