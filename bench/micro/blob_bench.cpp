// How fast one machine cuts, names, compresses, seals, writes and reads back: the repository
// without origins, snapshots and keys.
//   blob_bench FILE FOLDER [threads] [compressible: 1|0]
// Prints core-nanoseconds per byte, so that runs on machines of different sizes compare.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "content/chunk.h"
#include "repository/blob/blob_access.h"
#include "store/local/local_store.h"
#include "system/file.h"
#include "system/random.h"

namespace {
using namespace perdure;

struct Moment {
    std::chrono::steady_clock::time_point wall = std::chrono::steady_clock::now();
    double cpu = 0;
    Moment() {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        auto const seconds = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
        cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    }
};

void report(char const* what, Moment const& begin, double bytes) {
    Moment const end;
    double const wall = std::chrono::duration<double>(end.wall - begin.wall).count();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("%-8s %7.2f s wall  %7.2f s cpu  %6.3f ns/B  peak %ld MiB\n", what, wall,
                end.cpu - begin.cpu, (end.cpu - begin.cpu) / bytes * 1e9, usage.ru_maxrss / 1024);
}

template <typename T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message().c_str());
        std::exit(1);
    }
    return std::move(*result);
}
void must(Result<void> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message().c_str());
        std::exit(1);
    }
}

/// Reads stretches of 64 MiB of the file, cuts them and puts the chunks.
void write_all(system::File const& file, std::uint64_t size, repository::BlobWriter& writer,
               repository::DomainPtr const& domain, unsigned threads, bool compressible,
               std::vector<repository::BlobId>& ids) {
    constexpr std::uint64_t stretch = 64 << 20;
    content::Chunker const chunker(crypto::Secret32{}, content::data_chunks);
    std::atomic<std::uint64_t> next = 0;
    std::mutex mutex;
    std::vector<std::jthread> pool;
    for (unsigned t = 0; t < threads; ++t) {
        pool.emplace_back([&] {
            Bytes buffer(8 << 20);
            for (std::uint64_t begin; (begin = next.fetch_add(stretch)) < size;) {
                std::uint64_t at = begin;
                std::uint64_t const end = std::min(size, begin + stretch);
                std::size_t have = 0, taken = 0;
                while (at < end || have > taken) {
                    if (have - taken < content::data_chunks.max_bytes && at < end) {
                        std::memmove(buffer.data(), buffer.data() + taken, have - taken);
                        have -= taken;
                        taken = 0;
                        std::size_t const room =
                            std::min<std::uint64_t>(buffer.size() - have, end - at);
                        have += must(file.read_at(ByteSpan(buffer).subspan(have, room), at));
                        at += room;
                    }
                    std::size_t const cut =
                        chunker.cut(ByteView(buffer).subspan(taken, have - taken), at >= end);
                    auto const id = must(writer.put(domain, ByteView(buffer).subspan(taken, cut),
                                                    {.blob_class = repository::BlobClass::large,
                                                     .compressible = compressible}));
                    taken += cut;
                    std::lock_guard const lock(mutex);
                    ids.push_back(id);
                }
            }
        });
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    unsigned const threads = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 2;
    bool const compressible = argc <= 4 || std::atoi(argv[4]) != 0;
    auto const file = must(system::File::open_to_read(argv[1]));
    std::uint64_t const size = must(file.size_bytes());
    auto const store = must(store::open_local({.root = argv[2], .create = true}));
    repository::RepositoryId repository;
    auto const domain = std::make_shared<repository::Domain const>(repository, repository::Handle{},
                                                                   1, crypto::Secret32{});
    auto const index = must(repository::Index::open(
        {{*store, repository, domain}, {}, &system::real_random()}, nullptr, {}));
    std::vector<repository::BlobId> ids;
    {
        Moment const begin;
        auto const writer = repository::make_blob_writer(
            {.index = index, .random = &system::real_random(), .threads = threads});
        write_all(file, size, *writer, domain, threads, compressible, ids);
        must(writer->finish({}));
        report("write", begin, double(size));
        std::printf("         %.3f raw bytes per stored byte\n",
                    double(size) / double(writer->statistics().bytes_stored));
    }
    Moment const begin;
    auto const reader = repository::make_blob_reader({.index = index});
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> pool;
    for (unsigned t = 0; t < threads; ++t) {
        pool.emplace_back([&] {
            for (std::size_t i; (i = next.fetch_add(1)) < ids.size();) {
                must(reader->read(ids[i], domain, {}));
            }
        });
    }
    pool.clear();
    report("read", begin, double(size));
}
