// Computes a manifest in shards with Nextflow: nextflow run main.nf --manifest /data/cases.jsonl --output /data/out
// Not tried: no Nextflow was at hand. The process's container is an image with its model.
params.manifest = "/data/cases.jsonl"
params.output = "/data/out"
params.shards = 4

process SEGMENT {
    container params.image
    errorStrategy { task.exitStatus in [5, 130, 137, 143] ? 'retry' : 'finish' }
    maxRetries 2

    input:
    val shard

    output:
    val shard

    script:
    """
    /usr/local/bin/node /opt/nnunet-processor/processor/runtime/main.js batch run --manifest ${params.manifest} --output ${params.output} --shard ${shard}/${params.shards}
    """
}

workflow {
    Channel.of(0..<params.shards) | SEGMENT
}
