import asyncio
async def f(n):
    await asyncio.sleep(0.01); return n
async def main():
    print(await asyncio.gather(f(1),f(2)))
    p=await asyncio.create_subprocess_exec("/usr/bin/python3","-c","print(1)",stdout=asyncio.subprocess.PIPE)
    print(await p.communicate())
    print(await asyncio.to_thread(len,"abc"), await asyncio.wait_for(f(3),1))
    async with asyncio.timeout(1): await f(4)
asyncio.run(main())
