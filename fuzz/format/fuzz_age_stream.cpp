// A whole age file that was changed or cut: what comes out before the error is a front of what was
// encrypted, and the end is told only where nothing was changed.
#include "crypto/exchange.h"
#include "data/bytes/memory_content.h"
#include "format/container/age/age.h"
#include "fuzz/input.h"
#include "system/random.h"

namespace {

using namespace perdure;
using namespace perdure::format;

constexpr std::size_t plain_bytes = 150'000;  // more than two chunks

class Collected : public Output {
public:
    explicit Collected(Bytes& bytes) : bytes_(bytes) {}
    using Output::write;
    Result<void> write(ByteView bytes) override {
        append(bytes_, bytes);
        return {};
    }
    Result<void> finish() override { return {}; }

private:
    Bytes& bytes_;
};

struct Good {
    crypto::Secret32 secret;
    AgeKeys keys;
    Bytes plain, sealed, state;
    std::size_t sealed_at_state = 0;

    Good() {
        system::real_random().fill(secret.span());
        keys.identities = {secret};
        for (std::size_t i = 0; i < plain_bytes; ++i) plain.push_back(std::byte(i * 7 % 251));
        auto output =
            encrypt_age(std::make_unique<Collected>(sealed),
                        {.recipients = {crypto::x25519_public(secret)}}, system::real_random());
        PD_ASSERT(output && (*output)->write(ByteView(plain).first(100'000)));
        state = (*output)->checkpoint();
        sealed_at_state = sealed.size();
        PD_ASSERT((*output)->write(ByteView(plain).subspan(100'000)) && (*output)->finish());
    }
};

/// What came out, and whether the end was told.
std::pair<Bytes, bool> opened(ByteView bytes, AgeKeys const& keys) {
    Bytes out;
    auto source = decrypt_age(std::make_unique<data::MemorySource>(bytes), keys);
    if (!source) return {out, false};
    Bytes part(10'000);
    while (true) {
        auto const count = (*source)->read(part);
        if (!count) return {out, false};
        if (*count == 0) return {out, true};
        append(out, ByteView(part).first(*count));
        PD_ASSERT(out.size() <= plain_bytes);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static Good const good;
    fuzz::Input input(data, size);
    if (input.byte() % 4 == 0) {
        Bytes more = to_bytes(ByteView(good.sealed).first(good.sealed_at_state));
        auto const state = fuzz::damaged(good.state, input);
        auto resumed = resume_age(std::make_unique<Collected>(more), state);
        if (!resumed) return 0;
        static_cast<void>((*resumed)->write(ByteView(good.plain).subspan(100'000)));
        static_cast<void>((*resumed)->finish());
        return 0;
    }
    auto const bytes = fuzz::damaged(good.sealed, input);
    bool const same = std::ranges::equal(bytes, good.sealed);
    auto const [out, whole] = opened(bytes, good.keys);
    PD_ASSERT(whole == same);
    PD_ASSERT(std::ranges::equal(out, ByteView(good.plain).first(out.size())));
    return 0;
}
