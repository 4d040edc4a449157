// A roster from a hostile writer: what is accepted ascends by handle.
#include "repository/rows/roster.h"
#include "repository/testing/fake_blobs.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::repository;
    if (size == 0) return 0;
    testing::FakeBlobs blobs;
    testing::FakeDomains domains;
    auto const id = blobs.put(domains.common(), std::as_bytes(std::span(data, size)), {});
    RosterReader reader(blobs, domains.common(), {size, 0, {*id}});
    Handle last;
    while (true) {
        auto const entry = reader.next({});
        if (!entry || !*entry) return 0;
        PD_ASSERT(last <= (*entry)->handle);
        last = (*entry)->handle;
    }
}
