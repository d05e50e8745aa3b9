// npm run user -- reset-password <name>
import { fail, prepare } from './prepare.js'

prepare()
const { manageUsers } = await import(new URL('../dist/src/user.js', import.meta.url))
try {
  console.log(await manageUsers(process.argv.slice(2), process.env))
} catch (error) {
  fail(error.message)
}
