// A whole tree whose only metadata blob is hostile: a walk ends, with an error or in safe paths.
#include "repository/testing/fake_blobs.h"
#include "repository/tree/tree_walk.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::repository;
    if (size == 0) return 0;
    testing::FakeBlobs blobs;
    testing::FakeDomains domains;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    auto const id = blobs.put(domains.common(), bytes, {});
    SourceSnapshot source;
    source.root = {size, 0, {*id}};
    TreeVisitor visitor;
    visitor.leaf = [](std::string const& path, TreeRecord& record) -> Result<void> {
        PD_ASSERT(data::check_component(record.entry.name) && path.ends_with(record.entry.name));
        return {};
    };
    (void)walk_tree(source, blobs, domains.common(), visitor, {});
    return 0;
}
