// The header of an age file: what is accepted is spelt in one way only.
#include "format/container/age/age_header.h"
#include "format/container/age/age_keys.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    static_cast<void>(format::parse_age_recipient(text));
    static_cast<void>(format::parse_age_identities(text));
    auto const header = format::AgeHeader::parse(text);
    if (!header) return 0;
    auto const spelt = format::age_header_text(header->stanzas, {});
    auto const mac = spelt.rfind("--- ");
    PD_ASSERT(header->covered == spelt.substr(0, mac + 3));
    auto const again = format::AgeHeader::parse(spelt);
    PD_ASSERT(again && again->stanzas.size() == header->stanzas.size());
    // Nobody's keys open it, whatever it says of itself; a cost past the limit is refused.
    bool const costly = header->stanzas.front().words.front() == "scrypt";
    if (!costly) PD_ASSERT(!format::unwrap_age_key(*header, {.identities = {crypto::Secret32()}}));
    return 0;
}
