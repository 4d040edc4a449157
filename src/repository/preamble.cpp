#include "repository/preamble.h"

#include <fmt/core.h>

namespace perdure::repository {

void Preamble::encode(Encoder& out, std::string_view magic) const {
    PD_ASSERT(magic.size() == 4);
    out.raw(as_bytes(magic));
    out.u16(version);
    out.u16(suite);
    out.u32(compatible);
    out.u32(read_only);
    out.u32(incompatible);
}

Result<Preamble> Preamble::decode(Decoder& in, std::string_view magic) {
    PD_TRY(ByteView const found, in.raw(magic.size()));
    if (as_text(found) != magic) {
        return fail(Fault::corrupt, fmt::format("the object is not a {}", magic)).with_code(14);
    }
    Preamble preamble;
    PD_TRY(preamble.version, in.u16());
    PD_TRY(preamble.suite, in.u16());
    PD_TRY(preamble.compatible, in.u32());
    PD_TRY(preamble.read_only, in.u32());
    PD_TRY(preamble.incompatible, in.u32());
    if (preamble.version != 1 || preamble.suite != 1 || preamble.incompatible != 0) {
        return fail(Fault::unsupported,
                    fmt::format("{} format version {}, suite {}, features {:#x} is newer than this "
                                "program, which reads version 1, suite 1",
                                magic, preamble.version, preamble.suite, preamble.incompatible))
            .with_code(1)
            .with_fix("use the perdure release that wrote the repository, or a newer one");
    }
    return preamble;
}

}  // namespace perdure::repository
