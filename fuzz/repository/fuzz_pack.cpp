// A whole pack from a hostile store: header, footer, sealed directory. The input damages a good
// one.
#include "repository/pack/pack.h"
#include "system/random.h"

namespace {
using namespace perdure;
using namespace perdure::repository;

struct Good {
    RepositoryId repository;
    std::shared_ptr<Domain const> domain =
        std::make_shared<Domain const>(repository, Handle{}, 1, crypto::Secret32{});
    Bytes body;
    Good() {
        ObjectSeal seal(repository, ObjectKind::data_pack, system::real_random());
        body = ObjectHeader{.salt = seal.salt()}.encode();
        Bytes frame(5 + 16);
        seal.seal_frame(*domain, seal.facts(0, content::Codec::stored, 5), as_bytes("hello"),
                        frame);
        append(body, frame);
        PackDirectory directory;
        directory.frames = {{.offset = 64,
                             .stored_bytes = 21,
                             .raw_bytes = 5,
                             .generation = 1,
                             .blobs = {{domain->blob_id(as_bytes("hello")), 5}}}};
        append_directory(seal, *domain, directory, body);
    }
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static Good const good;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    (void)parse_pack(bytes, ObjectKind::data_pack, good.repository, *good.domain);
    (void)ObjectHeader::parse(bytes, ObjectKind::index);
    (void)PackName::parse(std::string(as_text(bytes)));
    if (size < 3) return 0;
    Bytes damaged = good.body;
    std::size_t const at = (data[0] | data[1] << 8) % damaged.size();
    for (std::size_t i = 2; i < size && at + i - 2 < damaged.size(); ++i) {
        damaged[at + i - 2] = bytes[i];
    }
    if (size % 5 == 0) damaged.resize(at);
    auto const parsed = parse_pack(damaged, ObjectKind::data_pack, good.repository, *good.domain);
    if (!parsed) return 0;
    // Whatever lies outside the frames is authenticated: what still parses is what was written.
    PD_ASSERT(parsed->frames.size() == 1 && parsed->frames[0].blobs.size() == 1);
    return 0;
}
